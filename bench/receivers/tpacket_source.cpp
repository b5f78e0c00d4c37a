#include "tpacket_source.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/setup_error.h"

namespace hopscope::bench {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;
constexpr std::size_t kBlocks = 64;
constexpr unsigned kRetireMs = 1;  // when a block that is not full is handed over
constexpr std::uint16_t kAllProtocols = (ETH_P_ALL << 8) | (ETH_P_ALL >> 8);

[[noreturn]] void fail(const char* what) {
  throw SetupError(fmt::format("AF_PACKET: {}: {}", what, std::strerror(errno)));
}

std::uint32_t load_status(const std::uint8_t* block) noexcept {
  auto* header = reinterpret_cast<tpacket_block_desc*>(const_cast<std::uint8_t*>(block));
  return std::atomic_ref<std::uint32_t>(header->hdr.bh1.block_status)
      .load(std::memory_order_acquire);
}

}  // namespace

TpacketSource::TpacketSource(const std::string& interface, std::uint16_t port)
    : interface_(interface), held_(kBlocks, 0) {
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("cannot make a socket");
  try {
    open(port);
  } catch (...) {
    close(fd_);
    throw;
  }
}

void TpacketSource::open(std::uint16_t port) {
  const int version = TPACKET_V3;
  if (setsockopt(fd_, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) fail("version");
  // IPv4 without options, UDP, no fragment, the port.
  std::array<sock_filter, 10> filter{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 7),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1FFF, 3, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0x40000),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) fail("filter");
  tpacket_req3 request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = kBlocks;
  request.tp_frame_size = 2048;
  request.tp_frame_nr = kBlocks * (kBlockBytes / 2048);
  request.tp_retire_blk_tov = kRetireMs;
  if (setsockopt(fd_, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) fail("ring");
  void* memory = mmap(nullptr, kBlocks * kBlockBytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, fd_, 0);
  if (memory == MAP_FAILED) fail("cannot map the ring");
  ring_ = static_cast<std::uint8_t*>(memory);
  sockaddr_storage storage{};
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = kAllProtocols;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface_.c_str()));
  std::memcpy(&storage, &address, sizeof address);
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&storage), sizeof address) != 0) fail("bind");
}

TpacketSource::~TpacketSource() {
  munmap(ring_, kBlocks * kBlockBytes);
  close(fd_);
}

std::uint8_t* TpacketSource::block(std::size_t i) const noexcept {
  return ring_ + i * kBlockBytes;
}

bool TpacketSource::enter_block() noexcept {
  const std::uint8_t* at = block(block_);
  if ((load_status(at) & TP_STATUS_USER) == 0 || held_[block_] != 0) return false;
  tpacket_block_desc header{};
  std::memcpy(&header, at, sizeof header);
  left_ = header.hdr.bh1.num_pkts;
  next_ = at + header.hdr.bh1.offset_to_first_pkt;
  held_[block_] = 1;
  inside_ = true;
  return true;
}

void TpacketSource::leave_block() noexcept {
  inside_ = false;
  give_back(block_);
  block_ = (block_ + 1) % kBlocks;
}

void TpacketSource::give_back(std::size_t i) noexcept {
  if (--held_[i] != 0) return;
  auto* header = reinterpret_cast<tpacket_block_desc*>(block(i));
  std::atomic_ref<std::uint32_t>(header->hdr.bh1.block_status)
      .store(TP_STATUS_KERNEL, std::memory_order_release);
}

std::size_t TpacketSource::receive(io::FrameBatch& batch) noexcept {
  batch.count = 0;
  std::uint64_t bytes = 0;
  while (batch.count < io::kBatch) {
    if (!inside_ && !enter_block()) break;
    if (left_ == 0) {
      leave_block();
      continue;
    }
    tpacket3_hdr header{};
    std::memcpy(&header, next_, sizeof header);
    batch.data[batch.count] = next_ + header.tp_mac;
    batch.length[batch.count] = header.tp_snaplen;
    batch.handle[batch.count] = block_;
    bytes += header.tp_snaplen;
    ++batch.count;
    ++held_[block_];
    next_ += header.tp_next_offset;
    --left_;
  }
  counters_.count_poll(batch.count, bytes);
  if (batch.count == 0) return 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return batch.count;
}

void TpacketSource::release(const io::FrameHandle* handles, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) give_back(handles[i]);
  counters_.count_release(count);
}

void TpacketSource::wait(int timeout_ms) noexcept {
  pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
  (void)poll(&ready, 1, timeout_ms);
}

std::size_t TpacketSource::capacity() const noexcept {
  return kBlocks * (kBlockBytes / 64);
}

io::SourceStatistics TpacketSource::statistics() const noexcept {
  return counters_.statistics();
}

io::SourceDescription TpacketSource::description() const {
  return {.kind = "tpacket_v3", .interface = interface_, .mode = "socket", .reason = ""};
}

}  // namespace hopscope::bench
