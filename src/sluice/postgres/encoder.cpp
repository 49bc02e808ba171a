#include "sluice/postgres/encoder.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "sluice/core/words.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

constexpr std::int32_t epoch_days = 10957;  // from 1970-01-01 to 2000-01-01, PostgreSQL's day 0
constexpr std::int64_t day_micros = 86400LL * 1000000;
// PostgreSQL's range, from its timestamp.h, counted from 2000-01-01: 4714-11-24 BC to 294276 and 5874897.
constexpr std::int64_t date_first = -2451545;
constexpr std::int64_t date_end = 2145031949;
constexpr std::int64_t timestamp_first = -211813488000000000;
constexpr std::int64_t timestamp_end = 9223371331200000000;

using Out = CopyBuffer;

const char* put_bool(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  out.put_int32(1);
  out.put(values.at<std::uint8_t>(row) != 0 ? '\1' : '\0');
  return nullptr;
}

// The whole number that a value of `kind` is; empty: it has a fraction.
template <Kind kind>
std::optional<Int128> whole(const Encoder& encoder, const Vector& values, std::size_t row) {
  if constexpr (kind == Kind::int32) {
    return values.at<std::int32_t>(row);
  } else if constexpr (kind == Kind::int64) {
    return values.at<std::int64_t>(row);
  } else {
    const Int128 value = values.at<Int128>(row);
    if (encoder.factor != 1 && value % encoder.factor != 0) return std::nullopt;
    return value / encoder.factor;
  }
}

template <Kind kind, class Integer>
const char* put_integer(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  const std::optional<Int128> value = whole<kind>(encoder, values, row);
  if (!value) return "inexact";
  if (*value < std::numeric_limits<Integer>::min() || *value > std::numeric_limits<Integer>::max())
    return "out_of_range";
  out.put_int32(sizeof(Integer));
  if constexpr (sizeof(Integer) == 2) {
    out.put_int16(static_cast<Integer>(*value));
  } else if constexpr (sizeof(Integer) == 4) {
    out.put_int32(static_cast<Integer>(*value));
  } else {
    out.put_int64(static_cast<Integer>(*value));
  }
  return nullptr;
}

template <Kind kind>
double as_double(const Vector& values, std::size_t row) {
  if constexpr (kind == Kind::int32) {
    return values.at<std::int32_t>(row);
  } else if constexpr (kind == Kind::int64) {
    return static_cast<double>(values.at<std::int64_t>(row));
  } else {
    return values.at<double>(row);
  }
}

template <Kind kind>
const char* put_float8(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  const double value = as_double<kind>(values, row);
  if constexpr (kind == Kind::int64) {
    // 2^63 does not fit back into an int64, and is no value of one.
    if (value >= 9223372036854775808.0 || static_cast<std::int64_t>(value) != values.at<std::int64_t>(row))
      return "inexact";
  }
  out.put_int32(8);
  out.put_int64(std::bit_cast<std::int64_t>(value));
  return nullptr;
}

template <Kind kind>
const char* put_float4(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  const double value = as_double<kind>(values, row);
  if (std::isfinite(value) && std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max()))
    return "out_of_range";
  const auto narrow = static_cast<float>(value);
  if (value != 0 && narrow == 0) return "out_of_range";  // the server, too, calls this an underflow
  if constexpr (kind != Kind::float64) {
    if (static_cast<double>(narrow) != value) return "inexact";
  }
  out.put_int32(4);
  out.put_int32(std::bit_cast<std::int32_t>(narrow));
  return nullptr;
}

const char* put_digits(const Encoder& encoder, const Digits& digits, int shown, Out& out) {
  switch (fits(digits, encoder.limit)) {
    case Fit::too_large: return "out_of_range";
    case Fit::too_fine: return "inexact";
    case Fit::fits: break;
  }
  const std::size_t mark = out.size();
  const std::size_t size = put_numeric(digits, shown, out.grow(4 + numeric_bytes_max) + 4);
  out.shrink(mark);
  out.put_int32(static_cast<std::int32_t>(size));
  out.grow(size);
  return nullptr;
}

template <Kind kind>
const char* put_numeric_of(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  if constexpr (kind == Kind::int32)
    return put_digits(encoder, digits_of(Int128{values.at<std::int32_t>(row)}, 0), 0, out);
  if constexpr (kind == Kind::int64)
    return put_digits(encoder, digits_of(Int128{values.at<std::int64_t>(row)}, 0), 0, out);
  if constexpr (kind == Kind::decimal) {
    return put_digits(encoder, digits_of(values.at<Int128>(row), encoder.from.scale), encoder.from.scale, out);
  }
  if constexpr (kind == Kind::float64) {
    const double value = values.at<double>(row);
    if (std::isnan(value)) {
      out.put_int32(8);
      put_numeric_nan(out.grow(8));
      return nullptr;
    }
    if (std::isinf(value)) return "out_of_range";  // servers before 14 have no infinite numeric
    Digits digits = digits_of(value);
    if (encoder.limit.precision != 0) round_to(encoder.limit.scale, digits);
    return put_digits(encoder, digits, std::max(0, digits.count - digits.point), out);
  }
  return nullptr;
}

const char* check_text(const Encoder& encoder, std::string_view text) {
  const Characters characters = count_characters(text);
  if (!characters.valid) return "invalid_utf8";
  if (characters.has_nul) return "nul_in_text";
  if (encoder.length_max != 0 && characters.count > encoder.length_max) return "too_long";
  return nullptr;
}

const char* put_plain_text(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  const std::string_view text = values.at<Text>(row).view();
  if (const char* reason = check_text(encoder, text)) return reason;
  out.put_int32(static_cast<std::int32_t>(text.size()));
  out.put(text);
  return nullptr;
}

const char* put_label(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  const std::string_view text = values.at<Text>(row).view();
  if (!std::ranges::binary_search(encoder.labels, text, std::less<>())) return "not_allowed_value";
  out.put_int32(static_cast<std::int32_t>(text.size()));
  out.put(text);
  return nullptr;
}

const char* put_jsonb(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  const std::string_view text = values.at<Text>(row).view();
  if (const char* reason = check_text(encoder, text)) return reason;
  out.put_int32(static_cast<std::int32_t>(text.size() + 1));
  out.put('\1');  // version of jsonb's binary form
  out.put(text);
  return nullptr;
}

const char* put_bytes(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  const std::string_view bytes = values.at<Text>(row).view();
  out.put_int32(static_cast<std::int32_t>(bytes.size()));
  out.put(bytes);
  return nullptr;
}

const char* put_uuid(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  out.put_int32(16);
  out.put({reinterpret_cast<const char*>(&values.at<Key>(row)), 16});
  return nullptr;
}

const char* put_uuid_text(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  Key key;
  if (!parse_uuid(values.at<Text>(row).view(), key)) return "malformed_value";
  out.put_int32(16);
  out.put({reinterpret_cast<const char*>(key.bytes.data()), 16});
  return nullptr;
}

const char* put_date(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  const std::int32_t days = values.at<std::int32_t>(row);
  std::int32_t sent = 0;
  if (days == INT32_MAX) {
    sent = INT32_MAX;
  } else if (days <= -INT32_MAX) {
    sent = INT32_MIN;
  } else {
    const std::int64_t since = std::int64_t{days} - epoch_days;
    if (since < date_first || since >= date_end) return "out_of_range";
    sent = static_cast<std::int32_t>(since);
  }
  out.put_int32(4);
  out.put_int32(sent);
  return nullptr;
}

const char* put_micros(std::int64_t micros, Out& out) {
  std::int64_t sent = 0;
  if (micros == INT64_MAX) {
    sent = INT64_MAX;
  } else if (micros <= -INT64_MAX) {
    sent = INT64_MIN;
  } else {
    if (micros < timestamp_first + epoch_days * day_micros) return "out_of_range";
    sent = micros - epoch_days * day_micros;
    if (sent >= timestamp_end) return "out_of_range";
  }
  out.put_int32(8);
  out.put_int64(sent);
  return nullptr;
}

const char* put_timestamp(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  return put_micros(values.at<std::int64_t>(row), out);
}

const char* put_date_as_timestamp(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  const std::int32_t days = values.at<std::int32_t>(row);
  if (days == INT32_MAX) return put_micros(INT64_MAX, out);
  if (days <= -INT32_MAX) return put_micros(-INT64_MAX, out);
  // 292 277 years fit in 64 bits of microseconds.
  if (days > 106751991 || days < -106751991) return "out_of_range";
  return put_micros(days * day_micros, out);
}

template <bool is_cidr>
const char* put_inet(const Encoder&, const Vector& values, std::size_t row, Out& out) {
  std::string_view text = values.at<Text>(row).view();
  std::array<char, INET6_ADDRSTRLEN> name{};
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  if (host.size() >= name.size() || host.find('\0') != std::string_view::npos) return "malformed_value";
  std::memcpy(name.data(), host.data(), host.size());
  const bool is_v6 = host.find(':') != std::string_view::npos;
  std::array<unsigned char, 16> address{};
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, name.data(), address.data()) != 1) return "malformed_value";
  const unsigned bytes = is_v6 ? 16 : 4;
  unsigned bits = bytes * 8;
  if (slash != std::string_view::npos) {
    text.remove_prefix(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc{} || end != text.data() + text.size() || bits > bytes * 8) return "malformed_value";
  }
  if (is_cidr) {  // a network: no bit of a host may be set
    for (unsigned bit = bits; bit < bytes * 8; ++bit) {
      if ((address[bit / 8] >> (7 - bit % 8) & 1U) != 0) return "malformed_value";
    }
  }
  out.put_int32(static_cast<std::int32_t>(4 + bytes));
  // PostgreSQL's own numbers of the families, then bits, whether it is a network, bytes of the address.
  for (const unsigned byte : {is_v6 ? 3U : 2U, bits, is_cidr ? 1U : 0U, bytes}) out.put(static_cast<char>(byte));
  out.put({reinterpret_cast<const char*>(address.data()), bytes});
  return nullptr;
}

const char* put_uuid_as_text(const Encoder& encoder, const Vector& values, std::size_t row, Out& out) {
  if (encoder.length_max != 0 && encoder.length_max < 36) return "too_long";
  constexpr const char* digits = "0123456789abcdef";
  const auto& key = values.at<Key>(row);
  out.put_int32(36);
  char* at = out.grow(36);
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[key.bytes[i] >> 4U];
    *at++ = digits[key.bytes[i] & 15U];
  }
  return nullptr;
}

template <Kind kind>
Encode number_encoder(std::uint32_t type) {
  switch (type) {
    case int2_type: return put_integer<kind, std::int16_t>;
    case int4_type: return put_integer<kind, std::int32_t>;
    case int8_type: return put_integer<kind, std::int64_t>;
    case numeric_type: return put_numeric_of<kind>;
    default: break;
  }
  if constexpr (kind != Kind::decimal) {
    if (type == float8_type) return put_float8<kind>;
    if (type == float4_type) return put_float4<kind>;
  }
  return nullptr;
}

Encode text_encoder(const Column& column, Kind kind) {
  if (column.is_enum) return put_label;
  switch (column.type) {
    case text_type:
    case varchar_type:
    case bpchar_type:
    case json_type: return put_plain_text;
    case jsonb_type: return put_jsonb;
    case uuid_type: return kind == Kind::text ? put_uuid_text : nullptr;
    case inet_type: return kind == Kind::text ? put_inet<false> : nullptr;
    case cidr_type: return kind == Kind::text ? put_inet<true> : nullptr;
    default: return nullptr;
  }
}

Encode binary_encoder(Kind kind, const Column& column) {
  const std::uint32_t type = column.type;
  switch (kind) {
    case Kind::boolean: return type == bool_type ? put_bool : nullptr;
    case Kind::int32: return number_encoder<Kind::int32>(type);
    case Kind::int64: return number_encoder<Kind::int64>(type);
    case Kind::decimal: return number_encoder<Kind::decimal>(type);
    case Kind::float64:
      if (type == float8_type) return put_float8<Kind::float64>;
      if (type == float4_type) return put_float4<Kind::float64>;
      return type == numeric_type ? put_numeric_of<Kind::float64> : nullptr;
    case Kind::text:
    case Kind::json: return text_encoder(column, kind);
    case Kind::bytes: return type == bytea_type ? put_bytes : nullptr;
    case Kind::date:
      if (type == timestamp_type) return put_date_as_timestamp;
      return type == date_type ? put_date : nullptr;
    case Kind::timestamp:
    case Kind::timestamp_tz: return type == timestamp_type || type == timestamptz_type ? put_timestamp : nullptr;
    case Kind::uuid:
      if (type == text_type || type == varchar_type || type == bpchar_type) return put_uuid_as_text;
      return type == uuid_type ? put_uuid : nullptr;
  }
  return nullptr;
}

// Types that a select has a type of its own for: a text in their place is a cast that was forgotten.
bool has_kind(std::uint32_t type) {
  constexpr std::array types{bool_type,   bytea_type, int8_type,      int2_type,        int4_type,   float4_type,
                             float8_type, date_type,  timestamp_type, timestamptz_type, numeric_type};
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

Result<Encoder> choose_encoder(const Field& field, const Column& column) {
  Encoder out;
  out.name = column.name;
  out.from = field.type;
  out.not_null = column.not_null;
  out.labels = column.labels;
  std::ranges::sort(out.labels);
  if (column.type == numeric_type) out.limit = numeric_limit(column.typmod);
  for (int i = 0; field.type.kind == Kind::decimal && i < std::min<int>(field.type.scale, 18); ++i) out.factor *= 10;
  if ((column.type == varchar_type || column.type == bpchar_type) && column.typmod >= 4) {
    out.length_max = static_cast<std::size_t>(column.typmod - 4);
  }
  out.encode = binary_encoder(field.type.kind, column);
  const bool whole_type = column.type == int2_type || column.type == int4_type || column.type == int8_type;
  const bool too_fine = field.type.kind == Kind::decimal && whole_type && field.type.scale > 18;
  if (out.encode != nullptr && !too_fine) return out;
  if (field.type.kind == Kind::text && !has_kind(column.type)) return out;  // as text, which the server reads
  return fail(Fault::conflict,
              "column \"" + column.name + "\": the select gives " + to_string(field.type) + ", the table has " +
                  column.type_name,
              "cast it in the select: cast(" + field.name + " as ...)");
}

std::string sentence_for(std::string_view reason, std::string_view column) {
  const std::string name = "column \"" + std::string(column) + "\"";
  if (reason == "too_long") return "the text has more characters than " + name + " takes";
  if (reason == "out_of_range") return "the value is outside the range of " + name;
  if (reason == "inexact") return name + " cannot hold the value without losing digits";
  if (reason == "nul_in_text") return "the text for " + name + " holds a NUL, which PostgreSQL cannot store";
  if (reason == "invalid_utf8") return "the text for " + name + " is no UTF-8";
  if (reason == "null_not_allowed") return name + " takes no NULL";
  if (reason == "not_allowed_value") return "the text is none of the labels of " + name;
  return "the value has not the form that " + name + " takes";
}

}  // namespace sluice::postgres
