// What a request knows of the connection that it went over.

#include "export/sinks/push/http_post.h"

#include <gtest/gtest.h>

#include "support/scripted_server.h"

namespace hopscope::exporter {
namespace {

using test::http_answer;
using test::HttpRequest;
using test::ScriptedServer;

struct Posted {
  explicit Posted(ScriptedServer::Script script)
      : server(std::move(script)), post(target(server)) {}

  static HttpTarget target(const ScriptedServer& server) {
    HttpTarget target;
    target.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/write";
    return target;
  }
  HttpAnswer send() { return post.post("x", "text/plain", ""); }
  void wait_for_the_end() const {
    while (post.is_connected()) std::this_thread::yield();
  }

  ScriptedServer server;
  HttpPost post;
};

ScriptedServer::Script yes(const std::string& headers = "") {
  return [headers](const HttpRequest&) { return http_answer("204 No Content", "", headers); };
}

TEST(HttpPost, AConnectionThatStandsIsUsedAgain) {
  Posted posted(yes());
  EXPECT_TRUE(posted.post.is_connected()) << "there was none to lose";
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer = posted.send();
    EXPECT_EQ(answer.status, 204);
    EXPECT_FALSE(answer.reconnected);
    EXPECT_TRUE(posted.post.is_connected());
  }
}

TEST(HttpPost, AnEndThatNobodyAnnouncedIsSeenAndTold) {
  Posted posted(yes());
  EXPECT_EQ(posted.send().status, 204);
  posted.server.hang_up();
  posted.wait_for_the_end();
  EXPECT_TRUE(posted.send().reconnected);
  EXPECT_TRUE(posted.post.is_connected());
  EXPECT_FALSE(posted.send().reconnected) << "once";
}

TEST(HttpPost, AnEndInsteadOfAnAnswerIsToldByTheNextOne) {
  int requests = 0;
  Posted posted([&](const HttpRequest&) {
    ++requests;
    return requests == 2 || requests == 3 ? std::string() : http_answer("204 No Content");
  });
  EXPECT_EQ(posted.send().status, 204);
  // libcurl itself tries once more where a connection ends that was used before.
  EXPECT_EQ(posted.send().status, 0);
  EXPECT_FALSE(posted.post.is_connected());
  EXPECT_TRUE(posted.send().reconnected);
}

TEST(HttpPost, AnEndThatWasAnnouncedTellsNothing) {
  Posted posted(yes("Connection: close\r\n"));
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer = posted.send();
    EXPECT_EQ(answer.status, 204);
    EXPECT_FALSE(answer.reconnected);
    EXPECT_TRUE(posted.post.is_connected());
  }
}

TEST(HttpPost, AFailureBehindAnAnnouncedEndIsTold) {
  int requests = 0;
  Posted posted([&](const HttpRequest&) {
    ++requests;
    return requests == 1   ? http_answer("204 No Content", "", "Connection: close\r\n")
           : requests == 2 ? std::string()
                           : http_answer("204 No Content");
  });
  EXPECT_EQ(posted.send().status, 204);
  EXPECT_EQ(posted.send().status, 0);
  EXPECT_FALSE(posted.post.is_connected());
  EXPECT_TRUE(posted.send().reconnected);
}

}  // namespace
}  // namespace hopscope::exporter
