#pragma once
// Every metric family of /metrics, described once: the exposition, remote write, `hopscope
// forecast` and docs/metrics.md all use this list. Headers declared under `formats:` have families
// of their own (FormatNames).

#include <algorithm>
#include <array>
#include <string_view>

#include "export/names/family.h"

namespace hopscope::exporter::families {

// clang-format off
// X(constant, type, name, help)
#define HOPSCOPE_FAMILIES(X) \
  X(kFlowReports, kCounter, "int_flow_reports_total", "Reports of the flow.") \
  X(kFlowLatency, kGauge, "int_flow_latency_seconds", "Latency of the flow in its newest report: the sum of its hops, or from the source's ingress to the sink's egress where their clocks agree.") \
  X(kFlowPathChanges, kCounter, "int_flow_path_changes_total", "How often the flow took another path.") \
  X(kFlowPathInfo, kGauge, "int_flow_path_info", "Path of the flow from source to sink, always 1. Not for flows known from postcards.") \
  X(kFlowHopLatency, kGauge, "int_flow_hop_latency_seconds", "Latency of the flow in a switch, newest report. Summed where it crosses one twice.") \
  X(kFlowOtherReports, kGauge, "int_flow_other_reports", "Reports of all known flows without series of their own: with int_flow_reports_total the sum over all. Falls when a flow gets a series or is forgotten, so no counter.") \
  X(kFlowOtherPathChanges, kGauge, "int_flow_other_path_changes", "Path changes of all known flows without series of their own.") \
  X(kHopLatency, kHistogram, "int_hop_latency_seconds", "Latency of packets in a switch.") \
  X(kEgressTxUtilization, kGauge, "int_egress_tx_utilization", "Utilisation of an egress port, in the switch's unit times its tx_utilization_scale.") \
  X(kQueueOccupancy, kGauge, "int_queue_occupancy", "Occupancy of a queue: bytes where the switch counts bytes or cells, else packets.") \
  X(kQueueCongestion, kGauge, "int_queue_congestion", "Congestion status of a queue (INT 0.5), in the unit of occupancy.") \
  X(kPacketDrops, kCounter, "int_packet_drops_total", "Packets that switches reported as dropped.") \
  X(kReportSequenceGaps, kCounter, "int_report_sequence_gaps_total", "Reports that never came, by their sequence numbers. Switch is empty where reports name none.") \
  X(kReportSequenceLate, kCounter, "int_report_sequence_late_total", "Reports that came after a newer one.") \
  X(kReportSequenceDuplicates, kCounter, "int_report_sequence_duplicates_total", "Reports whose number had come before.") \
  X(kReportSequenceRestarts, kCounter, "int_report_sequence_restarts_total", "How often a sender began to count anew.") \
  X(kSourceInfo, kGauge, "int_source_info", "1 for each sender of reports, with the report versions that it sends and how it departs from the specification.") \
  X(kSourceReports, kCounter, "int_source_reports_total", "Datagrams with reports by their sender.") \
  X(kLinkLatency, kGauge, "int_link_latency_seconds", "From a switch's egress to the next one's ingress, where their clocks agree.") \
  X(kReports, kCounter, "int_reports_total", "Telemetry reports by version and kind.") \
  X(kEvents, kCounter, "int_events_total", "Events by kind.") \
  X(kFramesReceived, kCounter, "hopscope_frames_received_total", "Frames taken from the sources.") \
  X(kFramesDecoded, kCounter, "hopscope_frames_decoded_total", "Frames accepted as reports.") \
  X(kFramesDropped, kCounter, "hopscope_frames_dropped_total", "Frames refused, by reason.") \
  X(kDecodeErrors, kCounter, "hopscope_decode_errors_total", "Errors found in frames; a refused frame and one used in part count here.") \
  X(kRegularReports, kCounter, "hopscope_regular_reports_total", "Reports with which nothing happened but newer values: the fast path took them.") \
  X(kFormatRecords, kCounter, "hopscope_format_records_total", "Headers declared under formats, elements of repeated groups each.") \
  X(kChecksumErrors, kCounter, "hopscope_checksum_errors_total", "Reports with a wrong checksum around them that were used all the same.") \
  X(kQueueDropped, kCounter, "hopscope_queue_dropped_total", "What a full queue between threads did not take.") \
  X(kTableCapacity, kGauge, "hopscope_table_capacity", "Rows that there is room for, in all workers.") \
  X(kTableEntries, kGauge, "hopscope_table_entries", "Rows in use.") \
  X(kTableRefused, kCounter, "hopscope_table_refused_total", "Keys that a full table did not take.") \
  X(kTableEvicted, kCounter, "hopscope_table_evicted_total", "Rows given up for newer keys.") \
  X(kTableExpired, kCounter, "hopscope_table_expired_total", "Rows forgotten after the idle time.") \
  X(kWorkerBusyRatio, kGauge, "hopscope_worker_busy_ratio", "Share of the last second or so in which a worker had frames.") \
  X(kWorkerBusySeconds, kCounter, "hopscope_worker_busy_seconds_total", "Time that a worker had frames.") \
  X(kFramesPerPoll, kSummary, "hopscope_frames_per_poll", "Frames in the polls that brought any.") \
  X(kXdpModeInfo, kGauge, "hopscope_xdp_mode_info", "How frames are received; always 1.") \
  X(kSourceLost, kCounter, "hopscope_source_lost_total", "Frames that a source had no buffer for, or that were longer than one.") \
  X(kSourceWakeups, kCounter, "hopscope_source_wakeups_total", "System calls made to wake the driver.") \
  X(kSourcePolls, kCounter, "hopscope_source_polls_total", "Polls of a source.") \
  X(kSourceEmptyPolls, kCounter, "hopscope_source_empty_polls_total", "Polls that brought nothing.") \
  X(kXskRxDropped, kCounter, "hopscope_xsk_rx_dropped_total", "Frames that the kernel dropped for want of a free frame or for their size.") \
  X(kXskRxRingFull, kCounter, "hopscope_xsk_rx_ring_full_total", "Frames dropped because the ring was full.") \
  X(kXskRxFillRingEmptyDescs, kCounter, "hopscope_xsk_rx_fill_ring_empty_descs_total", "Times that the fill ring was empty; in copy mode also in rx_dropped.") \
  X(kXskRxInvalidDescs, kCounter, "hopscope_xsk_rx_invalid_descs_total", "Invalid descriptors on the fill ring.") \
  X(kXskTxInvalidDescs, kCounter, "hopscope_xsk_tx_invalid_descs_total", "Invalid descriptors on the TX ring.") \
  X(kXskTxRingEmptyDescs, kCounter, "hopscope_xsk_tx_ring_empty_descs_total", "Times that the TX ring was empty.") \
  X(kMultiBufferFrames, kCounter, "hopscope_multi_buffer_frames_total", "Frames that came in several buffers and were put together.") \
  X(kMultiBufferLost, kCounter, "hopscope_multi_buffer_lost_total", "Frames of several buffers that were not put together; in source_lost too.") \
  X(kUmemFrames, kGauge, "hopscope_umem_frames", "Frames of the UMEM: fill + rx + held = total; with zero-copy the NIC has the rest.") \
  X(kHealthy, kGauge, "hopscope_healthy", "What /healthz says of each of its checks: 1 well, 0 not.") \
  X(kXdpVerdicts, kCounter, "hopscope_xdp_verdicts_total", "Frames seen by the XDP program; all but redirected went to the kernel.") \
  X(kSinkInfo, kGauge, "hopscope_sink_info", "A sink and what it is; always 1.") \
  X(kSinkRecords, kCounter, "hopscope_sink_records_total", "Records made for a sink.") \
  X(kSinkRecovered, kCounter, "hopscope_sink_recovered_total", "Records found in a sink's spool at start.") \
  X(kSinkDelivered, kCounter, "hopscope_sink_delivered_total", "Records that the other side has taken.") \
  X(kSinkDropped, kCounter, "hopscope_sink_dropped_total", "Records that a sink lost, by reason.") \
  X(kSinkPending, kGauge, "hopscope_sink_pending", "Records that wait; where is memory, or spool for those on the disk only.") \
  X(kSinkState, kGauge, "hopscope_sink_state", "1 for the state that a sink is in, 0 for the others.") \
  X(kSinkSpoolBytes, kGauge, "hopscope_sink_spool_bytes", "Size of a sink's spool.") \
  X(kSinkSpoolFailing, kGauge, "hopscope_sink_spool_failing", "1 while the disk of a sink's spool refuses writes, 0 else.") \
  X(kSinkSpoolUnwritten, kGauge, "hopscope_sink_spool_unwritten", "Records on their way to the spool's files: a crash would take them.") \
  X(kSinkSpoolKept, kGauge, "hopscope_sink_spool_kept", "Delivered records that the spool keeps for keep_delivered.") \
  X(kSinkSentAgain, kCounter, "hopscope_sink_sent_again_total", "Delivered records that were sent again because a connection had ended.") \
  X(kSinkBatches, kCounter, "hopscope_sink_batches_total", "Batches that the other side has taken.") \
  X(kSinkRetries, kCounter, "hopscope_sink_retries_total", "Attempts that failed and are made again.") \
  X(kSinkSuppressed, kCounter, "hopscope_sink_suppressed_total", "Values that a sink left out because of its cap on series.") \
  X(kSinkBytes, kCounter, "hopscope_sink_bytes_total", "Bytes of delivered records, uncompressed.") \
  X(kHttpRequests, kCounter, "hopscope_http_requests_total", "Requests answered, by status code.") \
  X(kHttpConnectionsRefused, kCounter, "hopscope_http_connections_refused_total", "HTTP connections refused or ended before they were served, by reason.") \
  X(kHttpConnections, kGauge, "hopscope_http_connections", "HTTP connections that are open.") \
  X(kSeriesSuppressed, kGauge, "hopscope_series_suppressed", "What this scrape left out: flows beyond top_k or max_series, and series beyond the cap of their family.") \
  X(kScrapes, kCounter, "hopscope_scrapes_total", "Scrapes by how they ended: ok; deadline, given up before the scraper would; gone, the scraper went away; refused, too many at a time; bad_request.") \
  X(kBuildInfo, kGauge, "hopscope_build_info", "Version of the program; always 1.") \
  X(kProcessResidentMemoryBytes, kGauge, "process_resident_memory_bytes", "Resident memory.") \
  X(kProcessStartTimeSeconds, kGauge, "process_start_time_seconds", "Start of the process since the epoch.") \
  X(kProcessVirtualMemoryBytes, kGauge, "process_virtual_memory_bytes", "Virtual memory.") \
  X(kProcessCpuSeconds, kCounter, "process_cpu_seconds_total", "CPU time, user and system.") \
  X(kProcessOpenFds, kGauge, "process_open_fds", "Open file descriptors.")
// clang-format on

#define HOPSCOPE_X(constant, type, name, help) \
  inline constexpr Family constant{name, FamilyType::type, help};
HOPSCOPE_FAMILIES(HOPSCOPE_X)
#undef HOPSCOPE_X

/// In the order of the list.
inline constexpr std::array kAll{
#define HOPSCOPE_X(constant, type, name, help) constant,
    HOPSCOPE_FAMILIES(HOPSCOPE_X)
#undef HOPSCOPE_X
};

static_assert(std::ranges::all_of(kAll,
                                  [](const Family& family) {
                                    return (family.type == FamilyType::kCounter) ==
                                           family.name.ends_with(kTotal);
                                  }),
              "a counter's name, and no other, ends in _total");

/// The latency that a latency event reports, by kind of event. Remote write only: /metrics has no
/// events.
inline constexpr Family kEventLatency{"int_event_latency_seconds", FamilyType::kGauge,
                                      "Latency of the newest event."};

}  // namespace hopscope::exporter::families
