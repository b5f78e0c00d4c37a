#include "export/http/http_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hopscope::exporter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

bool allows(const HttpCredentials& credentials, const std::string& header) {
  return credentials.allow(&header);
}

TEST(HttpCredentials, NoneMeansEverybody) {
  const HttpCredentials nobody;
  EXPECT_TRUE(nobody.none());
  EXPECT_TRUE(nobody.allow(nullptr));
  EXPECT_TRUE(allows(nobody, "Bearer whatever"));
}

TEST(HttpCredentials, Users) {
  HttpCredentials credentials;
  credentials.add_user("ann", Secret("one"));
  credentials.add_user("bob", Secret("t:wo"));
  EXPECT_TRUE(allows(credentials, "Basic YW5uOm9uZQ=="));    // ann:one
  EXPECT_TRUE(allows(credentials, "basic   Ym9iOnQ6d28="));  // bob:t:wo
  EXPECT_FALSE(credentials.allow(nullptr));
  EXPECT_FALSE(allows(credentials, "Basic Ym9iOm9uZQ=="));  // bob:one
  EXPECT_FALSE(allows(credentials, "Basic YW5uOm9uZX"));    // cut
  EXPECT_FALSE(allows(credentials, "Basic YW5uOm9uZQ== x"));
  EXPECT_FALSE(allows(credentials, "Basic ===="));
  EXPECT_FALSE(allows(credentials, "Basic"));
  EXPECT_FALSE(allows(credentials, "Basic "));
  EXPECT_FALSE(allows(credentials, ""));
  EXPECT_FALSE(allows(credentials, "Bearer ann:one"));
  EXPECT_FALSE(allows(credentials, "Bearer one"));
  EXPECT_EQ(credentials.challenge(), "Basic realm=\"hopscope\", charset=\"UTF-8\"");
}

TEST(HttpCredentials, Tokens) {
  HttpCredentials credentials;
  credentials.add_token(Secret("abc"));
  EXPECT_TRUE(allows(credentials, "Bearer abc"));
  EXPECT_TRUE(allows(credentials, "bearer abc"));
  EXPECT_FALSE(allows(credentials, "Bearer ab"));
  EXPECT_FALSE(allows(credentials, "Bearer abcd"));
  EXPECT_FALSE(allows(credentials, "Bearerabc"));
  EXPECT_FALSE(allows(credentials, "Basic YWJj"));
  credentials.add_user("ann", Secret("one"));
  EXPECT_THAT(credentials.challenge(), HasSubstr(", Bearer"));
}

TEST(HttpSecurity, WarnsOfPagesThatTheNetworkCanRead) {
  HttpOptions options;
  EXPECT_THAT(security_warnings(options), IsEmpty());
  options.listen = "[::1]:9465";
  EXPECT_THAT(security_warnings(options), IsEmpty());
  options.listen = "0.0.0.0:9465";
  EXPECT_THAT(security_warnings(options), ElementsAre(HasSubstr("whoever reaches 0.0.0.0:9465")));
  options.auth.tokens.push_back({.file = "", .env = "X"});
  EXPECT_THAT(security_warnings(options), ElementsAre(HasSubstr("clear text")));
  options.tls.certificate = options.tls.key = "/nowhere/file.pem";
  EXPECT_THAT(security_warnings(options), IsEmpty());
  options.auth.tokens.clear();
  EXPECT_THAT(security_warnings(options), ElementsAre(HasSubstr("client_ca")));
  options.tls.client_ca = "/nowhere/ca.pem";
  EXPECT_THAT(security_warnings(options), IsEmpty());
}

}  // namespace
}  // namespace hopscope::exporter
