#pragma once
// The least HTTP client that shows exactly what a server answers, byte by byte.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace hopscope::test {

/// A TCP port of the loopback interface that nobody has now.
inline std::uint16_t free_tcp_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  socklen_t bytes = sizeof any;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &bytes);
  ::close(fd);
  return ntohs(any.sin_port);
}

struct HttpAnswer {
  int status = 0;
  std::string headers;
  std::string body;    ///< chunks put together
  bool whole = false;  ///< the end of the body came
};

inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

inline HttpAnswer http(std::uint16_t port, const std::string& path,
                       const std::string& method = "GET", const std::string& headers = "") {
  HttpAnswer answer;
  const int fd = connect_to(port);
  if (fd < 0) return answer;
  const std::string request = method + " " + path +
                              " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
                              "\r\n";
  EXPECT_EQ(::write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string raw;
  char buffer[65536];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    raw.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  const std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.headers = raw.substr(0, end);
  answer.status = std::atoi(raw.c_str() + 9);
  std::string rest = raw.substr(end + 4);
  if (answer.headers.find("Transfer-Encoding: chunked") == std::string::npos) {
    answer.body = rest;
    answer.whole = true;
    return answer;
  }
  while (!rest.empty()) {
    const std::size_t line = rest.find("\r\n");
    const std::size_t size = std::stoul(rest.substr(0, line), nullptr, 16);
    if (size == 0) {
      answer.whole = true;
      break;
    }
    answer.body += rest.substr(line + 2, size);
    rest.erase(0, line + 2 + size + 2);
  }
  return answer;
}

}  // namespace hopscope::test
