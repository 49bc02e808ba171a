// Values to PostgreSQL's binary format: big-endian, as the types' send and recv functions have it
// (src/backend/utils/adt in PostgreSQL's source; numeric in numeric_recv).
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/core/type.hpp"

namespace sluice::postgres {

template <class T>
void put_number(T value, std::string& out) {
  char bytes[sizeof(T)];
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = sizeof(T); i-- > 0;) {
    bytes[i] = static_cast<char>(bits & 0xFFU);
    if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8U);
  }
  out.append(bytes, sizeof(T));
}

// A value with its length in front.
template <class T>
void put_field(T value, std::string& out) {
  put_number(static_cast<std::int32_t>(sizeof(T)), out);
  put_number(value, out);
}
inline void put_field(std::string_view bytes, std::string& out) {
  put_number(static_cast<std::int32_t>(bytes.size()), out);
  out.append(bytes);
}
inline void put_null(std::string& out) { put_number(std::int32_t{-1}, out); }

// number times 10^-scale as a numeric, its length in front.
void put_numeric(Int128 number, unsigned scale, std::string& out);

// The same as text, for COPY's text format: "-12.50".
void put_decimal_text(Int128 number, unsigned scale, std::string& out);

// Whether it has at most `precision` digits of which `scale` stand after the point; both may be given by a column.
// Digits beyond the scale must be zeros: rounding would change the value.
bool fits_numeric(Int128 number, unsigned number_scale, int precision, int scale);

}  // namespace sluice::postgres
