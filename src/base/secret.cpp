#include "base/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace hopscope {
namespace {

constexpr std::size_t kMaxBytes = 64 * 1024;

std::string error_text() {
  return strerrordesc_np(errno);
}

std::string file_content(const std::string& path) {
  // Non-blocking: opening a pipe that has no writer would block the start.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw SecretError(fmt::format("{} cannot be read: {}", path, error_text()));
  struct stat status {};
  std::string content;
  ssize_t got = 0;
  bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (regular) {
    content.resize(kMaxBytes + 1);
    std::size_t size = 0;
    while (size < content.size() &&
           (got = read(fd, content.data() + size, content.size() - size)) > 0) {
      size += static_cast<std::size_t>(got);
    }
    content.resize(size);
  }
  const std::string why = got < 0 ? error_text() : "";
  close(fd);
  if (!regular) throw SecretError(path + " is not a file");
  if (got < 0) throw SecretError(fmt::format("{} cannot be read: {}", path, why));
  if (content.size() > kMaxBytes) throw SecretError(path + " is too large; the limit is 64 KiB");
  return content;
}

}  // namespace

Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  wipe();
  value_ = other.value_;
  return *this;
}

void Secret::wipe() noexcept {
  explicit_bzero(value_.data(), value_.size());
}

Secret read_secret(const SecretSource& source) {
  std::string value;
  std::string where;
  if (!source.file.empty()) {
    where = source.file;
    value = file_content(source.file);
  } else {
    where = "the environment variable " + source.env;
    const char* found = std::getenv(source.env.c_str());
    if (found == nullptr) throw SecretError(where + " is not set");
    value = found;
  }
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  Secret secret(std::move(value));
  const std::string& text = secret.reveal();
  if (text.empty()) throw SecretError(where + " is empty");
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (!printable) {
    throw SecretError(where + " has control characters or several lines; one line is needed");
  }
  return secret;
}

std::string secret_warning(const SecretSource& source) {
  return source.file.empty() ? "" : private_file_warning(source.file);
}

std::string private_file_warning(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return "";
  return fmt::format("{0} can be read by every user of this machine; chmod o-r {0}", path);
}

}  // namespace hopscope
