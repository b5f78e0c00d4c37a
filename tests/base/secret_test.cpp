#include "base/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <type_traits>

namespace hopscope {
namespace {

using testing::HasSubstr;
using testing::Not;

template <typename T>
concept Printable = requires(std::ostream& to, const T& value) {
  to << value;
};
static_assert(!Printable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);

class SecretTest : public testing::Test {
 protected:
  SecretTest() {
    char name[] = "/tmp/hopscope-secret-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~SecretTest() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& content, mode_t mode = 0600) const {
    const std::string path = directory_ + "/secret";
    std::ofstream(path) << content;
    chmod(path.c_str(), mode);
    return path;
  }
  static std::string error(const SecretSource& source) {
    try {
      (void)read_secret(source);
    } catch (const SecretError& wrong) {
      return wrong.what();
    }
    return "";
  }

  std::string directory_;
};

TEST_F(SecretTest, File_line_end_is_cut_off) {
  EXPECT_EQ(read_secret({.file = file("pass word\n"), .env = ""}).reveal(), "pass word");
  EXPECT_EQ(read_secret({.file = file("pass\r\n\n"), .env = ""}).reveal(), "pass");
  EXPECT_EQ(read_secret({.file = file(" p "), .env = ""}).reveal(), " p ");
}

TEST_F(SecretTest, Environment_variable_is_read_or_missed) {
  setenv("HOPSCOPE_TEST_SECRET", "abc\n", 1);
  EXPECT_EQ(read_secret({.file = "", .env = "HOPSCOPE_TEST_SECRET"}).reveal(), "abc");
  unsetenv("HOPSCOPE_TEST_SECRET");
  EXPECT_THAT(error({.file = "", .env = "HOPSCOPE_TEST_SECRET"}), HasSubstr("is not set"));
}

TEST_F(SecretTest, File_unusable_is_refused_without_its_content) {
  EXPECT_THAT(error({.file = directory_ + "/none", .env = ""}), HasSubstr("No such file"));
  EXPECT_THAT(error({.file = directory_, .env = ""}), HasSubstr("is not a file"));
  EXPECT_THAT(error({.file = file("\n"), .env = ""}), HasSubstr("is empty"));
  EXPECT_THAT(error({.file = file(std::string(70'000, 'x')), .env = ""}), HasSubstr("too large"));
  const std::string lines = error({.file = file("hunter2\nX-Evil: 1\n"), .env = ""});
  EXPECT_THAT(lines, HasSubstr("one line"));
  EXPECT_THAT(lines, Not(HasSubstr("hunter2")));
  const std::string pipe = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error({.file = pipe, .env = ""}), HasSubstr("is not a file"));
}

TEST_F(SecretTest, File_readable_by_all_gives_a_warning) {
  EXPECT_EQ(secret_warning({.file = file("x", 0600), .env = ""}), "");
  EXPECT_EQ(secret_warning({.file = file("x", 0640), .env = ""}), "");
  EXPECT_THAT(secret_warning({.file = file("x", 0644), .env = ""}), HasSubstr("chmod o-r"));
  EXPECT_EQ(secret_warning({.file = "", .env = "HOME"}), "");
}

}  // namespace
}  // namespace hopscope
