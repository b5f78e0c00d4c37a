#include "export/http/http_front.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/setup_error.h"
#include "export/http/http_exchange.h"

namespace hopscope::exporter {
namespace {

using Io = HttpStream::Io;
using std::chrono::milliseconds;

constexpr int kBacklog = 512;
constexpr int kAcceptedPerRound = 64;
constexpr std::size_t kReceive = 4096;
constexpr std::size_t kMaxDiscarded = std::size_t{1} << 20;
constexpr milliseconds kLingerTime(1000);
/// Until the next try when the process may open no more files.
constexpr milliseconds kPause(100);

/// Splits address:port or [address]:port. The caller frees it.
addrinfo* resolve(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return nullptr;
  std::string address = listen.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const bool good = getaddrinfo(address.c_str(), listen.c_str() + colon + 1, &hints, &found) == 0;
  return good ? found : nullptr;
}

void set_option(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

}  // namespace

HttpFront::HttpFront(const HttpOptions& options, HttpCounters& counters, Calls calls)
    : options_(options), counters_(counters), calls_(std::move(calls)) {
  listen_on(options.listen);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  const bool watched = epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) == 0;
  event.data.ptr = &wake_;
  if (!watched || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    throw SetupError(
        fmt::format("cannot watch sockets: {}; see ulimit -n", strerrordesc_np(errno)));
  }
  thread_ = std::thread([this] { run(); });
}

HttpFront::~HttpFront() {
  stop_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
  for (const int fd : {listener_, epoll_, wake_}) ::close(fd);
}

void HttpFront::listen_on(const std::string& address) {
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> where(resolve(address), [](addrinfo* all) {
    if (all != nullptr) freeaddrinfo(all);
  });
  errno = EINVAL;
  if (where) {
    listener_ = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    set_option(listener_, SOL_SOCKET, SO_REUSEADDR, 1);
    // As with receive.udp.listen, :: is every address.
    if (where->ai_family == AF_INET6) set_option(listener_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (listener_ >= 0 && bind(listener_, where->ai_addr, where->ai_addrlen) == 0 &&
      listen(listener_, kBacklog) == 0) {
    return;
  }
  const std::string why = strerrordesc_np(errno);
  if (listener_ >= 0) close(listener_);
  throw SetupError(fmt::format(
      "cannot listen on {}: {}; is the port taken (ss -ltn), is the address of this host?", address,
      why));
}

void HttpFront::run() {
  pthread_setname_np(pthread_self(), "http-front");
  std::array<epoll_event, 64> events{};
  while (!stop_) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
    bool arrivals = false;
    for (int i = 0; i < count; ++i) {
      void* const what = events[static_cast<std::size_t>(i)].data.ptr;
      if (what == &listener_) {
        arrivals = true;
      } else if (what == &wake_) {
        eventfd_t value = 0;
        (void)eventfd_read(wake_, &value);
      } else {
        auto& connection = *static_cast<HttpConnection*>(what);
        if (connection.phase != Phase::kDropped) step(connection);
      }
    }
    take_returned();
    expire();
    // Last, so that nobody is crowded out whose request is here already.
    if (arrivals) accept_some();
    dropped_.clear();
  }
  for (Connections& list : lists_) {
    while (!list.empty()) drop(*list.front());
  }
}

int HttpFront::wait_ms() const {
  auto first = HttpClock::time_point::max();
  for (const Connections& list : lists_) {
    if (!list.empty()) first = std::min(first, list.front()->deadline);
  }
  if (paused_) first = std::min(first, resume_);
  if (first == HttpClock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(first - HttpClock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

HttpClock::duration HttpFront::time_for(Phase phase) const {
  switch (phase) {
    case Phase::kHead:
      return milliseconds(options_.header_timeout_ms);
    case Phase::kIdle:
      return milliseconds(options_.idle_timeout_ms);
    case Phase::kSend:
      return milliseconds(options_.request_timeout_ms);
    default:
      return kLingerTime;
  }
}

void HttpFront::accept_some() {
  for (int i = 0; i < kAcceptedPerRound; ++i) {
    int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      // Room is made now; the newcomer is taken in the next round.
      if (!make_room()) pause_accepting(true);
      return;
    }
    if (fd < 0) return;  // nobody waits any more, or somebody has left again
    if (open_ >= options_.connections && !make_room()) {
      counters_.refused(HttpRefusal::kFull);
      close(fd);
      continue;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    // The kernel buffers megabytes and asks for more only when a third of them is gone: at a MiB a
    // second a client that reads on would seem to have stalled.
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 128 << 10);
    Connections fresh;
    fresh.push_back(std::make_unique<HttpConnection>(fd, calls_.tls()));
    HttpConnection& connection = *fresh.front();
    connection.place = fresh.begin();
    ++open_;
    counters_.opened();
    Connections& heads = list_of(Phase::kHead);
    heads.splice(heads.end(), fresh);
    connection.deadline = HttpClock::now() + time_for(Phase::kHead);
    step(connection);
  }
}

void HttpFront::pause_accepting(bool pause) {
  paused_ = pause;
  resume_ = HttpClock::now() + kPause;
  epoll_event event{};
  event.events = pause ? 0U : EPOLLIN;
  event.data.ptr = &listener_;
  (void)epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
}

bool HttpFront::make_room() {
  // Those that have had their answer, those that want nothing now, those that may never.
  for (const Phase phase : {Phase::kLinger, Phase::kIdle, Phase::kHead, Phase::kSend}) {
    Connections& list = list_of(phase);
    if (list.empty()) continue;
    if (phase != Phase::kLinger) counters_.refused(HttpRefusal::kCrowdedOut);
    drop(*list.front());
    return true;
  }
  return false;
}

void HttpFront::give_back(std::unique_ptr<HttpConnection> connection) {
  {
    const std::lock_guard lock(mutex_);
    returned_.push_back(std::move(connection));
  }
  eventfd_write(wake_, 1);
}

void HttpFront::take_returned() {
  std::vector<std::unique_ptr<HttpConnection>> returned;
  {
    const std::lock_guard lock(mutex_);
    returned.swap(returned_);
  }
  for (auto& one : returned) {
    HttpConnection& connection = *one;
    Connections fresh;
    fresh.push_back(std::move(one));
    connection.place = fresh.begin();
    connection.phase = Phase::kSend;
    connection.deadline = HttpClock::now() + time_for(Phase::kSend);
    Connections& sending = list_of(Phase::kSend);
    sending.splice(sending.end(), fresh);
    if (connection.broken) {
      drop(connection);
    } else {
      step(connection);
    }
  }
}

void HttpFront::expire() {
  const auto now = HttpClock::now();
  for (const Phase phase : {Phase::kHead, Phase::kIdle, Phase::kSend, Phase::kLinger}) {
    Connections& list = list_of(phase);
    while (!list.empty() && list.front()->deadline <= now) {
      HttpConnection& connection = *list.front();
      if (phase == Phase::kHead) counters_.refused(HttpRefusal::kHeaderTimeout);
      if (phase == Phase::kSend) counters_.refused(HttpRefusal::kSendTimeout);
      if (phase == Phase::kHead && connection.shaken && !connection.in.empty()) {
        refuse(connection, 408);
        step(connection);
      } else {
        drop(connection);
      }
    }
  }
  if (paused_ && resume_ <= now) pause_accepting(false);
}

void HttpFront::step(HttpConnection& connection) {
  if (!connection.shaken && !shake(connection)) return;
  while (true) {
    if (connection.phase == Phase::kLinger) return linger(connection);
    if (connection.out.size() > connection.sent) {
      if (!flush(connection)) return;
    } else if (connection.close_after) {
      connection.stream.end_sending();
      enter(connection, Phase::kLinger);
    } else {
      const Parsed parsed = parse(connection);
      if (parsed == Parsed::kHandedOver) return;  // somebody else has it now
      if (parsed == Parsed::kMore && !receive(connection)) return;
    }
  }
}

bool HttpFront::shake(HttpConnection& connection) {
  switch (connection.stream.handshake()) {
    case Io::kDone:
      connection.shaken = true;
      return true;
    case Io::kAgain:
      arm(connection);
      return false;
    default:
      // The client is to read why, in OpenSSL's words or, if it spoke plain HTTP, in ours.
      counters_.refused(HttpRefusal::kTls);
      connection.shaken = true;
      connection.close_after = true;
      if (connection.stream.was_plain_http()) refuse(connection, 400);
      return true;
  }
}

bool HttpFront::flush(HttpConnection& connection) {
  std::string_view rest(connection.out);
  rest.remove_prefix(connection.sent);
  const Io io = connection.stream.send(rest);
  connection.sent = connection.out.size() - rest.size();
  if (io == Io::kAgain) {
    if (connection.phase != Phase::kSend) enter(connection, Phase::kSend);
    arm(connection);
    return false;
  }
  if (io != Io::kDone) {
    drop(connection);
    return false;
  }
  if (rest.empty()) {
    connection.out.clear();
    connection.sent = 0;
  }
  return true;
}

HttpFront::Parsed HttpFront::parse(HttpConnection& connection) {
  if (connection.phase == Phase::kSend) enter(connection, Phase::kIdle);
  if (connection.in.empty()) return Parsed::kMore;
  if (connection.phase == Phase::kIdle) enter(connection, Phase::kHead);
  HttpHead head = parse_http_head(connection.in, options_.header_bytes);
  if (head.state == HttpHead::State::kMore) return Parsed::kMore;
  if (head.state == HttpHead::State::kRefused) {
    refuse(connection, head.status);
    return Parsed::kRefused;
  }
  connection.in.erase(0, head.length);
  connection.request = std::move(head.request);
  hand_over(connection);
  return Parsed::kHandedOver;
}

bool HttpFront::receive(HttpConnection& connection) {
  if (connection.ended) {
    drop(connection);
    return false;
  }
  switch (connection.stream.receive(connection.in, kReceive)) {
    case Io::kDone:
      return true;
    case Io::kAgain:
      arm(connection);
      return false;
    case Io::kEnd:
      connection.ended = true;
      return true;
    default:
      drop(connection);
      return false;
  }
}

void HttpFront::linger(HttpConnection& connection) {
  while (!connection.ended && connection.discarded < kMaxDiscarded) {
    connection.in.clear();
    const Io io = connection.stream.receive(connection.in, kReceive);
    connection.discarded += connection.in.size();
    if (io == Io::kAgain) return arm(connection);
    if (io != Io::kDone) break;
  }
  drop(connection);
}

void HttpFront::refuse(HttpConnection& connection, int status) {
  counters_.answered(status);
  const std::string_view text = status == 408   ? "the request was not complete in time\n"
                                : status == 400 ? "this is no HTTP request that can be read here\n"
                                : status == 505 ? "HTTP/1.1 and HTTP/1.0 only\n"
                                                : "the request is too long\n";
  connection.out += http_answer_head(
      status, fmt::format("Content-Type: text/plain\r\nContent-Length: {}\r\n", text.size()),
      false);
  connection.out += text;
  connection.in.clear();
  connection.close_after = true;
}

void HttpFront::hand_over(HttpConnection& connection) {
  Connections& list = list_of(connection.phase);
  connection.phase = Phase::kAway;
  std::unique_ptr<HttpConnection> mine = std::move(*connection.place);
  list.erase(connection.place);
  calls_.serve(std::move(mine));
}

void HttpFront::enter(HttpConnection& connection, Phase phase) {
  Connections& from = list_of(connection.phase);
  Connections& to = list_of(phase);
  to.splice(to.end(), from, connection.place);
  connection.phase = phase;
  connection.deadline = HttpClock::now() + time_for(phase);
}

void HttpFront::arm(HttpConnection& connection) {
  epoll_event event{};
  event.events = EPOLLONESHOT;
  event.events |= connection.stream.waits_for_write() ? EPOLLOUT : EPOLLIN;
  event.data.ptr = &connection;
  // Not before it waits: hang-ups would be told of a connection that is away.
  const int how = std::exchange(connection.watched, true) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_, how, connection.stream.fd(), &event) != 0) drop(connection);
}

void HttpFront::drop(HttpConnection& connection) {
  Connections& list = list_of(connection.phase);
  dropped_.splice(dropped_.end(), list, connection.place);
  connection.phase = Phase::kDropped;
  connection.stream.close();
  --open_;
  counters_.closed();
}

}  // namespace hopscope::exporter
