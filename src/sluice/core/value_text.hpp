// Values as text, as PostgreSQL writes them under ISO, YMD and UTC: what CSV, JSON and COPY's text form share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/core/batch.hpp"

namespace sluice {

inline constexpr std::size_t value_text_max = 64;

// Of a value that is not NULL, of any kind but text, json and bytes. Writes at most value_text_max bytes; gives their
// end. true, 12, 0.1 (the shortest text that reads back equal), 12.50, 2022-09-05, 2022-09-05 12:00:00.5, the same
// with +00, a uuid, infinity, 0044-03-15 BC.
char* put_value(Type type, const Vector& values, std::size_t row, char* to);

// `\x` and two digits a byte: 2 + 2 * size bytes.
char* put_hex(std::string_view bytes, char* to);

}  // namespace sluice
