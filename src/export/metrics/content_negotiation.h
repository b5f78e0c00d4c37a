#pragma once
// Which format and encoding a client gets, by its Accept and Accept-Encoding headers (RFC 9110).

#include <cstdint>
#include <memory>
#include <string_view>

#include "export/metrics/encoding/encoder.h"
#include "export/metrics/encoding/output_buffer.h"

namespace hopscope::exporter {

enum class ExpositionFormat : std::uint8_t { kText, kOpenMetrics, kProtobuf };

/// The format that the client likes best; of several, the one that it names first. Text 0.0.4
/// where it names none that is known.
[[nodiscard]] ExpositionFormat choose_format(std::string_view accept);

[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

/// What writes that format.
[[nodiscard]] std::unique_ptr<Encoder> make_encoder(ExpositionFormat format, PieceSink sink);

[[nodiscard]] std::string_view content_type(ExpositionFormat format) noexcept;

}  // namespace hopscope::exporter
