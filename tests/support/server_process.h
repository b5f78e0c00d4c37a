#pragma once
// A server of Debian's (where scripts/setup unpacked it, or installed) as a child of the test: on a
// loopback port, with a directory that goes with it, ended by its process id.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "support/http_client.h"

namespace hopscope::test {

/// Its path; empty: it is not here.
inline std::string find_server(const std::string& name) {
  const char* const set = std::getenv("HOPSCOPE_SERVERS_DIR");
  const std::string unpacked = set != nullptr ? set : HOPSCOPE_SOURCE_DIR "/.cache/servers";
  for (const std::string& directory : {unpacked + "/usr/bin", std::string("/usr/bin")}) {
    const std::string path = directory + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

class ServerProcess {
 public:
  /// `arguments` gets the port and the directory; `ready` is a path that answers 200 when it is up.
  using Arguments = std::function<std::vector<std::string>(std::uint16_t, const std::string&)>;

  ServerProcess(std::string program, Arguments arguments, std::string ready)
      : program_(std::move(program)), arguments_(std::move(arguments)), ready_(std::move(ready)) {
    std::string name = std::filesystem::temp_directory_path() / "hopscope-server-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

  /// Starts it, on the same port after the first time, and waits until it is ready.
  void start() {
    port_ = port_ != 0 ? port_ : free_tcp_port();
    std::vector<std::string> words = arguments_(port_, directory_);
    words.insert(words.begin(), program_);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = directory_ + "/log";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    for (int i = 0; i < 1200; ++i) {
      if (http(port_, ready_).status == 200) return;
      ASSERT_EQ(::waitpid(pid_, nullptr, WNOHANG), 0) << program_ << " ended; see " << log;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << program_ << " does not get ready; see " << log;
  }

  /// SIGKILL.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  const std::string program_;
  const Arguments arguments_;
  const std::string ready_;
  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace hopscope::test
