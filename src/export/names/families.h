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
  X(kFlowPathChanges, kCounter, "int_flow_path_changes_total", "Path changes of the flow.") \
  X(kFlowPathInfo, kGauge, "int_flow_path_info", "Path of the flow from source to sink; the value is always 1. None for flows known only from postcards.") \
  X(kFlowHopLatency, kGauge, "int_flow_hop_latency_seconds", "Latency of the flow in a switch, from its newest report; the sum of all passes if the flow crosses the switch more than once.") \
  X(kFlowOtherReports, kGauge, "int_flow_other_reports", "Reports of all known flows without series of their own; together with int_flow_reports_total the sum over all flows. A gauge, because it falls when a flow gets a series or expires.") \
  X(kFlowOtherPathChanges, kGauge, "int_flow_other_path_changes", "Path changes of all known flows without series of their own.") \
  X(kHopLatency, kHistogram, "int_hop_latency_seconds", "Latency of packets in a switch.") \
  X(kEgressTxUtilization, kGauge, "int_egress_tx_utilization", "Utilisation of an egress port: the switch's value times its tx_utilization_scale.") \
  X(kQueueOccupancy, kGauge, "int_queue_occupancy", "Occupancy of a queue: bytes where the switch counts bytes or cells, else packets.") \
  X(kQueueCongestion, kGauge, "int_queue_congestion", "Congestion status of a queue (INT 0.5), in the unit of occupancy.") \
  X(kPacketDrops, kCounter, "int_packet_drops_total", "Packets that switches reported as dropped.") \
  X(kReportSequenceGaps, kCounter, "int_report_sequence_gaps_total", "Reports lost before the collector, by gaps in their sequence numbers. The label switch is empty if reports name no switch.") \
  X(kReportSequenceLate, kCounter, "int_report_sequence_late_total", "Reports that arrived after a report with a higher sequence number.") \
  X(kReportSequenceDuplicates, kCounter, "int_report_sequence_duplicates_total", "Reports whose sequence number had arrived before.") \
  X(kReportSequenceRestarts, kCounter, "int_report_sequence_restarts_total", "Restarts of a sender's sequence numbers.") \
  X(kSourceInfo, kGauge, "int_source_info", "Senders of reports, with the report versions that they send and their deviations from the specification; the value is always 1.") \
  X(kSourceReports, kCounter, "int_source_reports_total", "Datagrams with reports, by sender.") \
  X(kLinkLatency, kGauge, "int_link_latency_seconds", "Latency from a switch's egress to the next switch's ingress, if their clocks agree.") \
  X(kReports, kCounter, "int_reports_total", "Telemetry reports by version and kind.") \
  X(kEvents, kCounter, "int_events_total", "Events by kind.") \
  X(kFramesReceived, kCounter, "hopscope_frames_received_total", "Frames taken from the sources.") \
  X(kFramesDecoded, kCounter, "hopscope_frames_decoded_total", "Frames accepted as reports.") \
  X(kFramesDropped, kCounter, "hopscope_frames_dropped_total", "Frames rejected by the decoder, by reason.") \
  X(kDecodeErrors, kCounter, "hopscope_decode_errors_total", "Errors found in frames, both rejected frames and frames used in part.") \
  X(kRegularReports, kCounter, "hopscope_regular_reports_total", "Reports handled by the fast path: known flow, only values changed.") \
  X(kFormatRecords, kCounter, "hopscope_format_records_total", "Headers declared under formats; each element of a repeated group counts.") \
  X(kChecksumErrors, kCounter, "hopscope_checksum_errors_total", "Reports used although a checksum of their outer headers was wrong, by header.") \
  X(kQueueDropped, kCounter, "hopscope_queue_dropped_total", "Items dropped because a queue between threads was full, by queue.") \
  X(kTableCapacity, kGauge, "hopscope_table_capacity", "Rows that the tables of all workers can hold.") \
  X(kTableEntries, kGauge, "hopscope_table_entries", "Rows in use.") \
  X(kTableRefused, kCounter, "hopscope_table_refused_total", "Keys refused because the table was full.") \
  X(kTableEvicted, kCounter, "hopscope_table_evicted_total", "Rows evicted to make room for newer keys.") \
  X(kTableExpired, kCounter, "hopscope_table_expired_total", "Rows removed after the idle time.") \
  X(kWorkerBusyRatio, kGauge, "hopscope_worker_busy_ratio", "Share of about the last second in which the worker had frames.") \
  X(kWorkerBusySeconds, kCounter, "hopscope_worker_busy_seconds_total", "Time in which the worker had frames.") \
  X(kFramesPerPoll, kSummary, "hopscope_frames_per_poll", "Frames per poll, of polls that returned any.") \
  X(kXdpModeInfo, kGauge, "hopscope_xdp_mode_info", "How frames are received; the value is always 1.") \
  X(kSourceLost, kCounter, "hopscope_source_lost_total", "Frames lost by a source: no free buffer, or longer than one.") \
  X(kSourceWakeups, kCounter, "hopscope_source_wakeups_total", "System calls made to wake the driver.") \
  X(kSourcePolls, kCounter, "hopscope_source_polls_total", "Polls of a source.") \
  X(kSourceEmptyPolls, kCounter, "hopscope_source_empty_polls_total", "Polls of a source that returned no frame.") \
  X(kXskRxDropped, kCounter, "hopscope_xsk_rx_dropped_total", "Frames dropped by the kernel: no free frame, or oversized.") \
  X(kXskRxRingFull, kCounter, "hopscope_xsk_rx_ring_full_total", "Frames dropped because the RX ring was full.") \
  X(kXskRxFillRingEmptyDescs, kCounter, "hopscope_xsk_rx_fill_ring_empty_descs_total", "Times that the fill ring was empty; in copy mode also counted in rx_dropped.") \
  X(kXskRxInvalidDescs, kCounter, "hopscope_xsk_rx_invalid_descs_total", "Invalid descriptors on the fill ring.") \
  X(kXskTxInvalidDescs, kCounter, "hopscope_xsk_tx_invalid_descs_total", "Invalid descriptors on the TX ring.") \
  X(kXskTxRingEmptyDescs, kCounter, "hopscope_xsk_tx_ring_empty_descs_total", "Times that the TX ring was empty.") \
  X(kMultiBufferFrames, kCounter, "hopscope_multi_buffer_frames_total", "Frames received in several buffers and reassembled.") \
  X(kMultiBufferLost, kCounter, "hopscope_multi_buffer_lost_total", "Frames of several buffers that could not be reassembled, by reason; also counted in source_lost.") \
  X(kUmemFrames, kGauge, "hopscope_umem_frames", "Frames of the UMEM by state: fill + rx + held = total; with zero-copy the NIC holds the rest.") \
  X(kHealthy, kGauge, "hopscope_healthy", "Result of each check of /healthz: 1 healthy, 0 not.") \
  X(kXdpVerdicts, kCounter, "hopscope_xdp_verdicts_total", "Frames seen by the XDP program, by verdict; all but redirected frames were passed to the kernel.") \
  X(kSinkInfo, kGauge, "hopscope_sink_info", "Sinks and their kind; the value is always 1.") \
  X(kSinkRecords, kCounter, "hopscope_sink_records_total", "Records made for the sink.") \
  X(kSinkRecovered, kCounter, "hopscope_sink_recovered_total", "Records found in the sink's spool at start.") \
  X(kSinkDelivered, kCounter, "hopscope_sink_delivered_total", "Records delivered.") \
  X(kSinkDropped, kCounter, "hopscope_sink_dropped_total", "Records dropped, by reason.") \
  X(kSinkPending, kGauge, "hopscope_sink_pending", "Records waiting: in memory, or in the spool only.") \
  X(kSinkState, kGauge, "hopscope_sink_state", "1 for the current state of the sink, 0 for the others.") \
  X(kSinkSpoolBytes, kGauge, "hopscope_sink_spool_bytes", "Size of the sink's spool.") \
  X(kSinkSpoolFailing, kGauge, "hopscope_sink_spool_failing", "1 while the disk refuses writes of the sink's spool, else 0.") \
  X(kSinkSpoolUnwritten, kGauge, "hopscope_sink_spool_unwritten", "Records not yet written to the spool's files, lost if the process crashes.") \
  X(kSinkSpoolKept, kGauge, "hopscope_sink_spool_kept", "Delivered records that the spool keeps because of keep_delivered.") \
  X(kSinkSentAgain, kCounter, "hopscope_sink_sent_again_total", "Delivered records sent again because their connection had ended.") \
  X(kSinkBatches, kCounter, "hopscope_sink_batches_total", "Batches delivered.") \
  X(kSinkRetries, kCounter, "hopscope_sink_retries_total", "Failed attempts that were retried.") \
  X(kSinkSuppressed, kCounter, "hopscope_sink_suppressed_total", "Values left out because of the sink's limit of series.") \
  X(kSinkBytes, kCounter, "hopscope_sink_bytes_total", "Bytes of delivered records, uncompressed.") \
  X(kHttpRequests, kCounter, "hopscope_http_requests_total", "HTTP requests answered, by status code.") \
  X(kHttpConnectionsRefused, kCounter, "hopscope_http_connections_refused_total", "HTTP connections refused, or closed before they were served, by reason.") \
  X(kHttpConnections, kGauge, "hopscope_http_connections", "Open HTTP connections.") \
  X(kSeriesSuppressed, kGauge, "hopscope_series_suppressed", "Series left out of this scrape, by family: flows beyond top_k or max_series, and series beyond the limit of their family.") \
  X(kScrapes, kCounter, "hopscope_scrapes_total", "Scrapes by result: ok; deadline, ended before the scraper's timeout; gone, the scraper closed the connection; refused, too many at a time; bad_request.") \
  X(kBuildInfo, kGauge, "hopscope_build_info", "Version of the program; the value is always 1.") \
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
