#include "io/af_xdp/xdp_program.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "base/setup_error.h"

// The skeleton uses the types of the shared header without including it.
#include <hopscope_shared.h>

#include <hopscope.skel.h>

namespace hopscope::io {
namespace {

static_assert(kXdpVerdicts.size() == HOPSCOPE_VERDICTS);

std::string why(int error) {
  if (error == EPERM || error == EACCES) {
    return fmt::format("{}; it needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF",
                       std::strerror(error));
  }
  return std::strerror(error);
}

/// Drops libbpf's log lines: they would only repeat what the return values say.
int silent(libbpf_print_level /*level*/, const char* /*format*/, va_list /*arguments*/) {
  return 0;
}

/// Id of the program that is attached to the interface in any mode; 0: none.
std::uint32_t attached_id(unsigned interface_index) noexcept {
  bpf_xdp_query_opts query{};
  query.sz = sizeof query;
  if (bpf_xdp_query(static_cast<int>(interface_index), 0, &query) != 0) return 0;
  return std::max({query.prog_id, query.drv_prog_id, query.skb_prog_id, query.hw_prog_id});
}

}  // namespace

struct XdpProgram::Loaded {
  hopscope_bpf* skeleton = nullptr;
  int link_fd = -1;
  std::uint32_t id = 0;

  ~Loaded() {
    if (link_fd >= 0) close(link_fd);
    hopscope_bpf__destroy(skeleton);
  }
  /// 0 or an errno. The link detaches when its last descriptor is closed.
  int attach(unsigned interface_index, std::uint32_t flags) {
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    options.flags = flags;
    const int fd = bpf_link_create(bpf_program__fd(skeleton->progs.hopscope_redirect),
                                   static_cast<int>(interface_index), BPF_XDP, &options);
    if (fd < 0) return -fd;
    link_fd = fd;
    return 0;
  }
};

static_assert(kMaxReportPorts == HOPSCOPE_MAX_PORTS && kMaxEthertypes == HOPSCOPE_MAX_ETHERTYPES);

XdpProgram::XdpProgram(const std::string& interface, XdpMode mode, const Redirect& redirect,
                       bool multi_buffer)
    : interface_(interface),
      interface_index_(if_nametoindex(interface.c_str())),
      loaded_(std::make_unique<Loaded>()),
      multi_buffer_(multi_buffer) {
  if (interface_index_ == 0) {
    throw SetupError(
        fmt::format("there is no interface {} (`ip link` lists the interfaces)", interface));
  }
  if (redirect.ports.size() > kMaxReportPorts) {
    throw SetupError(
        fmt::format("at most {} report ports, not {}", kMaxReportPorts, redirect.ports.size()));
  }
  if (redirect.ethertypes.size() > kMaxEthertypes) {
    throw SetupError(fmt::format("at most {} EtherTypes under formats, not {}", kMaxEthertypes,
                                 redirect.ethertypes.size()));
  }
  libbpf_set_print(silent);
  load(redirect);

  bpf_prog_info info{};
  std::uint32_t info_bytes = sizeof info;
  const int fd = bpf_program__fd(loaded_->skeleton->progs.hopscope_redirect);
  if (bpf_obj_get_info_by_fd(fd, &info, &info_bytes) == 0) loaded_->id = info.id;

  int error = EOPNOTSUPP;
  if (mode != XdpMode::kGeneric) {
    error = loaded_->attach(interface_index_, XDP_FLAGS_DRV_MODE);
    native_ = error == 0;
    if (error == EOPNOTSUPP) join_reason("the driver has no native XDP");
    if (error == ERANGE || error == EINVAL)
      join_reason("the driver refuses native XDP; is the MTU above one page?");
  }
  const bool may_fall_back =
      mode == XdpMode::kGeneric ||
      (mode == XdpMode::kAuto && error != EBUSY && error != EEXIST && error != EPERM);
  if (!native_ && may_fall_back) error = loaded_->attach(interface_index_, XDP_FLAGS_SKB_MODE);
  if (error == EBUSY || error == EEXIST) {
    throw SetupError(
        fmt::format("another XDP program (id {}) is on {}; stop its owner, or remove it with: ip "
                    "link set dev {} "
                    "xdp off",
                    attached_id(interface_index_), interface, interface));
  }
  if (error != 0) {
    throw SetupError(fmt::format("cannot attach the XDP program to {}: {}", interface, why(error)));
  }
}

XdpProgram::~XdpProgram() = default;

void XdpProgram::load(const Redirect& redirect) {
  loaded_->skeleton = hopscope_bpf__open();
  if (loaded_->skeleton == nullptr) throw SetupError("cannot open the XDP program: " + why(errno));
  auto* settings = const_cast<hopscope_settings*>(&loaded_->skeleton->rodata->settings);
  std::transform(redirect.ports.begin(), redirect.ports.end(), settings->ports, htons);
  std::transform(redirect.ethertypes.begin(), redirect.ethertypes.end(), settings->ethertypes,
                 htons);
  settings->data_packets = redirect.data_packets ? 1 : 0;
  if (multi_buffer_) {
    bpf_program__set_flags(loaded_->skeleton->progs.hopscope_redirect, BPF_F_XDP_HAS_FRAGS);
  }
  const int error = hopscope_bpf__load(loaded_->skeleton);
  if (error == 0) return;
  if (error == -EINVAL && multi_buffer_) {
    // Perhaps the kernel does not know the flag: try without. Any other error occurs again.
    hopscope_bpf__destroy(loaded_->skeleton);
    loaded_->skeleton = nullptr;
    multi_buffer_ = false;
    join_reason("no frames of several buffers: AF_XDP receives them from Linux 6.6 on");
    load(redirect);
    return;
  }
  throw SetupError("cannot load the XDP program: " + why(-error));
}

void XdpProgram::join_reason(const char* reason) {
  if (!reason_.empty()) reason_ += "; ";
  reason_ += reason;
}

void XdpProgram::add_socket(unsigned queue, int socket_fd) {
  HOPSCOPE_ASSERT(socket_fd >= 0);
  const int map = bpf_map__fd(loaded_->skeleton->maps.sockets);
  if (queue >= HOPSCOPE_MAX_QUEUES || bpf_map_update_elem(map, &queue, &socket_fd, BPF_ANY) != 0) {
    throw SetupError(fmt::format("cannot direct queue {} of {} to its socket: {}", queue,
                                 interface_, std::strerror(errno)));
  }
}

void XdpProgram::detach() noexcept {
  if (loaded_->link_fd < 0) return;
  // Closing alone would detach too, but only some time later.
  (void)bpf_link_detach(loaded_->link_fd);
  close(loaded_->link_fd);
  loaded_->link_fd = -1;
}

std::vector<XdpVerdict> XdpProgram::verdicts() const {
  const int map = bpf_map__fd(loaded_->skeleton->maps.verdicts);
  const int cpus = libbpf_num_possible_cpus();
  std::vector<std::uint64_t> per_cpu(cpus > 0 ? static_cast<std::size_t>(cpus) : 1);
  std::vector<XdpVerdict> verdicts;
  for (std::uint32_t i = 0; i < kXdpVerdicts.size(); ++i) {
    std::uint64_t frames = 0;
    if (bpf_map_lookup_elem(map, &i, per_cpu.data()) == 0) {
      for (const std::uint64_t count : per_cpu) frames += count;
    }
    verdicts.push_back({.name = kXdpVerdicts[i], .frames = frames});
  }
  return verdicts;
}

bool XdpProgram::attached() const noexcept {
  bpf_xdp_query_opts query{};
  query.sz = sizeof query;
  if (bpf_xdp_query(static_cast<int>(interface_index_), 0, &query) != 0) return false;
  const std::uint32_t id = loaded_->id;
  return id != 0 && (query.prog_id == id || query.drv_prog_id == id || query.skb_prog_id == id);
}

}  // namespace hopscope::io
