#include "app/generate/traffic.h"

#include "app/generate/malform.h"

namespace hopscope::app {
namespace {

pipeline::FieldMask mask_of(const std::vector<pipeline::Field>& fields) {
  pipeline::FieldMask mask = 0;
  for (const pipeline::Field field : fields) {
    mask = static_cast<pipeline::FieldMask>(mask | bit(field));
  }
  return mask;
}

}  // namespace

TrafficModel::TrafficModel(const TrafficOptions& options)
    : options_(options),
      fields_(mask_of(options.fields)),
      topology_(options.switches, options.hops, options.seed),
      fabric_(options, topology_),
      sampler_(options.zipf ? Sampler(options.flows, options.zipf_exponent)
                            : Sampler(options.flows)),
      random_(options.seed),
      malformed_kinds_(malformed_kinds(options.format)),
      path_version_(options.flows),
      sequence_(std::size_t{options.switches} * kPipes) {}

std::uint32_t TrafficModel::sequence_keys() const noexcept {
  return static_cast<std::uint32_t>(sequence_.size());
}

void TrafficModel::next() {
  const bool malformed = random_.chance(options_.malformed);
  const pipeline::DecodeError error = malformed
                                          ? malformed_kinds_[random_.below(malformed_kinds_.size())]
                                          : pipeline::DecodeError::kNone;
  const bool dropped = options_.format == TrafficFormat::kReport05Drop ||
                       (!malformed && random_.chance(options_.drops));
  FrameKind kind = has_stack(options_.format) ? FrameKind::kStack : FrameKind::kPostcard;
  if (dropped) kind = FrameKind::kDrop;

  record_ = {};
  record_.kind = kind;
  record_.error = error;
  record_.time_ns = options_.start_time_ns + frames_ * spacing_ns(options_);
  record_.takes_sequence = !rejects(error);
  ++frames_;
  make_frame(kind, draw_subject(draw_flow(), kind == FrameKind::kStack && !malformed));
  if (malformed) {
    malform(error, options_.format, outer_, marks_, frame_);
    for (ReportRecord& report : record_.reports) report.hops = 0;
    for (ReportRecord& report : record_.reports) report.path_hash = 0;
    record_.ports.clear();
  }

  record_.bytes = static_cast<std::uint32_t>(frame_.size());
  record_.sequence_at = static_cast<std::uint32_t>(marks_.sequence);
  record_.sequence_bits = frame_.size() >= marks_.sequence + 4 ? marks_.sequence_bits : 0;
  record_.udp_at = static_cast<std::uint32_t>(marks_.udp);
  record_.times.assign(frame_.times().begin(), frame_.times().end());
}

TrafficModel::Subject TrafficModel::draw_subject(std::uint32_t flow, bool may_change) {
  Subject subject{.flow = flow, .path = topology_.path(flow, path_version_[flow])};
  if (may_change && random_.chance(options_.path_changes)) {
    // Another version may give the same path: a few tries find a different one, if there is one.
    const SwitchPath before = subject.path;
    for (int tries = 0; tries < 64 && subject.path == before; ++tries) {
      subject.path = topology_.path(flow, ++path_version_[flow]);
    }
  }
  const unsigned count = subject.path.count;
  subject.reporter = has_stack(options_.format) ? count - 1 : random_.below(count);
  return subject;
}

void TrafficModel::make_frame(FrameKind kind, const Subject& first) {
  set_outer(first);
  // The number is drawn here, so that what a datagram holds does not depend on losses.
  const std::uint32_t reporter = first.path.index[first.reporter];
  const std::uint32_t pipe =
      static_cast<std::uint32_t>(hash_of(options_.seed, first.flow, reporter) % kPipes);
  take_sequence(reporter, pipe, record_.takes_sequence);
  switch (report_version(options_.format)) {
    case 0:
      make_05(kind, first);
      break;
    case 1:
      make_10(kind, first);
      break;
    default:
      make_20(kind, first);
      break;
  }
}

void TrafficModel::take_sequence(std::uint32_t switch_index, std::uint32_t hw_id, bool counts) {
  record_.sequence_key = switch_index * kPipes + hw_id;
  std::uint32_t& last = sequence_[record_.sequence_key];
  // Numbers before a key's first one cannot be missed.
  if (counts && last != 0) {
    while (random_.chance(options_.loss)) ++record_.skipped;
  }
  if (counts) last += 1 + record_.skipped;
  record_.sequence = last;
}

}  // namespace hopscope::app
