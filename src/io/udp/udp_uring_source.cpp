#include "io/udp/udp_uring_source.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hopscope::io {
namespace {

constexpr unsigned kEntries = 64;
constexpr std::uint16_t kGroup = 0;
/// Room for the sender's address, such that what follows is aligned.
constexpr std::size_t kNameBytes = (sizeof(sockaddr_in6) + 7) / 8 * 8;

}  // namespace

std::unique_ptr<UdpRing> UdpRing::open(const UdpOptions& options, std::string& why) {
  std::unique_ptr<UdpRing> ring(new UdpRing);
  why = ring->set_up(options.buffers);
  return why.empty() ? std::move(ring) : nullptr;
}

std::string UdpRing::set_up(unsigned buffers) {
  io_uring_params parameters{};
  // Completions are processed when the worker asks for them, on the worker; the ring is enabled by
  // the worker, which thereby becomes the only one to use it.
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                     IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
  parameters.cq_entries = 2 * buffers;
  const int opened = io_uring_queue_init_params(kEntries, &ring_, &parameters);
  if (opened < 0) return std::strerror(-opened);
  ring_open_ = true;
  buffers_bytes_ = buffers * sizeof(io_uring_buf);
  void* memory = mmap(nullptr, buffers_bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return std::strerror(errno);
  buffers_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = buffers;
  registration.bgid = kGroup;
  const int registered = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (registered < 0) return std::strerror(-registered);
  io_uring_buf_ring_init(buffers_);
  mask_ = io_uring_buf_ring_mask(buffers);
  return "";
}

void UdpRing::enable() noexcept {
  // Debian's liburing declares io_uring_enable_rings() but does not export it.
  (void)syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

UdpRing::~UdpRing() {
  if (ring_open_) io_uring_queue_exit(&ring_);
  if (buffers_ != nullptr) munmap(buffers_, buffers_bytes_);
}

void UdpRing::add_buffer(std::uint8_t* memory, std::size_t bytes, std::uint16_t id,
                         std::size_t place) noexcept {
  io_uring_buf_ring_add(buffers_, memory, static_cast<unsigned>(bytes), id, mask_,
                        static_cast<int>(place));
}

void UdpRing::publish(std::size_t count) noexcept {
  io_uring_buf_ring_advance(buffers_, static_cast<int>(count));
}

UdpUringSource::UdpUringSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports,
                               unsigned queue, std::unique_ptr<UdpRing> ring)
    : UdpSourceBase(options, ports, queue),
      ring_(std::move(ring)),
      armed_(sockets().size(), false) {
  // The kernel puts its own header, the name and the control messages in front of the payload;
  // the frame's headers take their place afterwards.
  static_assert(sizeof(io_uring_recvmsg_out) + kNameBytes + kUdpControlBytes >= kUdpHeaderRoom);
  shape_.msg_namelen = kNameBytes;
  shape_.msg_controllen = kUdpControlBytes;
  for (std::size_t i = 0; i < buffers(); ++i) {
    ring_->add_buffer(buffer(i), buffer_bytes(), static_cast<std::uint16_t>(i), i);
  }
  ring_->publish(buffers());
}

UdpUringSource::~UdpUringSource() {
  // The kernel must let go of the buffers before they are freed.
  ring_.reset();
}

void UdpUringSource::arm() noexcept {
  if (!enabled_) {
    ring_->enable();
    enabled_ = true;
  }
  if (starved_ && held() == buffers()) return;
  starved_ = false;
  bool any = false;
  for (std::size_t i = 0; i < armed_.size(); ++i) {
    if (armed_[i]) continue;
    io_uring_sqe* entry = io_uring_get_sqe(&ring_->ring());
    if (entry == nullptr) break;
    io_uring_prep_recvmsg_multishot(entry, sockets().fd(i), &shape_, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = kGroup;
    io_uring_sqe_set_data64(entry, i);
    armed_[i] = true;
    any = true;
  }
  if (any) {
    count_wakeup();
    io_uring_submit(&ring_->ring());
  }
}

void UdpUringSource::put_back(std::size_t id) noexcept {
  ring_->add_buffer(buffer(id), buffer_bytes(), static_cast<std::uint16_t>(id), 0);
  ring_->publish(1);
}

void UdpUringSource::take(const io_uring_cqe& completion, FrameBatch& batch) noexcept {
  const std::size_t socket = completion.user_data;
  if ((completion.flags & IORING_CQE_F_MORE) == 0) armed_[socket] = false;
  if (completion.res == -ENOBUFS) starved_ = true;
  if (completion.res < 0 || (completion.flags & IORING_CQE_F_BUFFER) == 0) return;
  const std::size_t id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
  io_uring_recvmsg_out* received = io_uring_recvmsg_validate(buffer(id), completion.res, &shape_);
  if (received == nullptr) {
    // Nothing that could be a frame: an empty one, refused and counted as short by the decoder.
    append(batch, id, buffer(id) + kUdpHeaderRoom, 0, {}, socket);
    return;
  }
  if ((received->flags & MSG_TRUNC) != 0) {
    count_cut();
    put_back(id);
    return;
  }
  msghdr control{};
  control.msg_control =
      static_cast<std::uint8_t*>(io_uring_recvmsg_name(received)) + shape_.msg_namelen;
  control.msg_controllen = received->controllen;
  const UdpAddresses addresses = read_udp_addresses(io_uring_recvmsg_name(received), control);
  const unsigned length = io_uring_recvmsg_payload_length(received, completion.res, &shape_);
  append(batch, id, static_cast<std::uint8_t*>(io_uring_recvmsg_payload(received, &shape_)), length,
         addresses, socket);
}

std::size_t UdpUringSource::receive(FrameBatch& batch) noexcept {
  batch.count = 0;
  arm();
  io_uring& ring = ring_->ring();
  std::array<io_uring_cqe*, kBatch> completions{};
  unsigned count = io_uring_peek_batch_cqe(&ring, completions.data(), kBatch);
  if (count == 0) {
    count_wakeup();
    io_uring_get_events(&ring);
    count = io_uring_peek_batch_cqe(&ring, completions.data(), kBatch);
  }
  for (unsigned i = 0; i < count; ++i) take(*completions[i], batch);
  io_uring_cq_advance(&ring, count);
  return finish(batch);
}

void UdpUringSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    ring_->add_buffer(buffer(handles[i]), buffer_bytes(), static_cast<std::uint16_t>(handles[i]),
                      i);
  }
  ring_->publish(count);
  gave_back(count);
}

void UdpUringSource::wait(int timeout_ms) noexcept {
  if (!enabled_) return;
  io_uring_cqe* completion = nullptr;
  __kernel_timespec timeout{.tv_sec = timeout_ms / 1000,
                            .tv_nsec = std::int64_t{timeout_ms % 1000} * 1'000'000};
  io_uring_wait_cqe_timeout(&ring_->ring(), &completion, &timeout);
}

SourceDescription UdpUringSource::description() const {
  SourceDescription description = UdpSourceBase::description();
  description.mode = "io_uring";
  return description;
}

}  // namespace hopscope::io
