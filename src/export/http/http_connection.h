#pragma once
// One connection: its bytes, how far it is, and until when. Always held by one thread only, the
// front or the one that answers.

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "export/http/http_request.h"
#include "export/http/http_stream.h"

namespace hopscope::exporter {

using HttpClock = std::chrono::steady_clock;

struct HttpConnection {
  enum class Phase : std::uint8_t {
    kHead,     ///< TLS handshake and the head of a request
    kIdle,     ///< between requests
    kSend,     ///< the rest of an answer that the socket did not take at once
    kLinger,   ///< answered; until the client hangs up, so that no reset overtakes the answer
    kAway,     ///< with a thread that answers
    kDropped,  ///< no more
  };

  HttpConnection(int fd, const std::shared_ptr<ssl_ctx_st>& tls) : stream(fd, tls) {}

  HttpStream stream;
  Phase phase = Phase::kHead;
  bool shaken = false;
  bool watched = false;      ///< epoll knows it
  bool ended = false;        ///< the client sends no more
  bool close_after = false;  ///< when `out` is sent
  bool broken = false;       ///< nothing more can be sent
  std::string in;            ///< received, not yet a whole head
  std::string out;           ///< to be sent, from `sent` on
  std::size_t sent = 0;
  std::size_t discarded = 0;  ///< while lingering
  HttpRequest request;
  HttpClock::time_point deadline{};
  std::list<std::unique_ptr<HttpConnection>>::iterator place{};  ///< in the front's list
};

}  // namespace hopscope::exporter
