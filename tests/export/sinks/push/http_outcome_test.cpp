#include "export/sinks/push/http_outcome.h"

#include <gtest/gtest.h>

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;

HttpAnswer answer(long status, std::string body = "", std::string type = "application/json") {
  HttpAnswer made;
  made.status = status;
  made.body = std::move(body);
  made.content_type = std::move(type);
  return made;
}

TEST(HttpOutcome, OnlyAYesIsDelivered) {
  EXPECT_EQ(outcome_of(answer(204)).result, Result::kDelivered);
  EXPECT_EQ(outcome_of(answer(200)).result, Result::kDelivered);
  for (const long status : {301L, 302L, 408L, 429L, 500L, 502L, 503L, 504L, 100L}) {
    EXPECT_EQ(outcome_of(answer(status)).result, Result::kTryAgain) << status;
  }
  for (const long status : {400L, 401L, 403L, 404L, 422L}) {
    EXPECT_EQ(outcome_of(answer(status)).result, Result::kRefused) << status;
  }
  EXPECT_EQ(outcome_of(answer(413)).result, Result::kTooLarge);
}

TEST(HttpOutcome, APageForPeopleIsNoYes) {
  EXPECT_EQ(outcome_of(answer(200, "<!doctype html><h1>log in", "text/html; charset=utf-8")).result,
            Result::kTryAgain);
  EXPECT_EQ(outcome_of(answer(200, "<html>", "")).result, Result::kTryAgain);
  EXPECT_EQ(outcome_of(answer(200, "\n\xEF\xBB\xBF <html>", "")).result, Result::kTryAgain);
  EXPECT_EQ(outcome_of(answer(200, "log in", "Text/HTML")).result, Result::kTryAgain);
}

TEST(HttpOutcome, AYesWithABodyIsNoYes) {
  EXPECT_EQ(outcome_of(answer(200, R"({"status":"error","error":"please login"})")).result,
            Result::kTryAgain);
  EXPECT_EQ(outcome_of(answer(200, "later", "text/plain")).result, Result::kTryAgain);
  EXPECT_EQ(outcome_of(answer(200, "\r\n", "text/plain")).result, Result::kDelivered);
}

TEST(HttpOutcome, NoAnswerIsTriedAgain) {
  HttpAnswer none;
  none.error = "connection\nrefused";
  EXPECT_EQ(outcome_of(none).result, Result::kTryAgain);
  EXPECT_EQ(outcome_of(none).detail, "connection refused");
}

TEST(HttpOutcome, SaysWhatTheOtherSideSaid) {
  HttpAnswer busy = answer(503, "later\x1b[31m, pl\xff\xC3");
  busy.retry_after = std::chrono::seconds(7);
  const Outcome outcome = outcome_of(busy);
  EXPECT_EQ(outcome.detail, "HTTP 503: later [31m, pl??");
  EXPECT_EQ(outcome.retry_after, std::chrono::milliseconds(7000));
}

}  // namespace
}  // namespace hopscope::exporter
