#include "sluice/postgres/encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sluice/core/delivery.hpp"
#include "sluice/core/words.hpp"
#include "sluice/postgres/wire.hpp"

namespace sluice::postgres {
namespace {

// From pg_type.dat; these numbers never change.
enum : Oid {
  oid_bool = 16, oid_bytea = 17, oid_int8 = 20, oid_int2 = 21, oid_int4 = 23, oid_text = 25, oid_json = 114,
  oid_float4 = 700, oid_float8 = 701, oid_bpchar = 1042, oid_varchar = 1043, oid_date = 1082, oid_timestamp = 1114,
  oid_timestamptz = 1184, oid_numeric = 1700, oid_uuid = 2950, oid_jsonb = 3802,
};

constexpr std::int32_t days_to_2000 = 10957;
constexpr std::int64_t micros_to_2000 = 946'684'800'000'000;
constexpr int modifier_header = 4;  // what a length or precision modifier has on top

bool is_number(Kind kind) { return kind == Kind::int32 || kind == Kind::int64 || kind == Kind::decimal || kind == Kind::float64; }

// Empty: no way from our type into that column.
std::optional<Wire> wire_for(Type type, const TableColumn& column) {
  const Kind kind = type.kind;
  const bool whole = kind == Kind::int32 || kind == Kind::int64 || kind == Kind::decimal;
  const bool text_like = kind == Kind::text || kind == Kind::json;
  if (!column.labels.empty()) return text_like ? std::optional(Wire::label) : std::nullopt;
  switch (column.type) {
    case oid_bool: return kind == Kind::boolean ? std::optional(Wire::boolean) : std::nullopt;
    case oid_int2: return whole ? std::optional(Wire::int2) : std::nullopt;
    case oid_int4: return whole ? std::optional(Wire::int4) : std::nullopt;
    case oid_int8: return whole ? std::optional(Wire::int8) : std::nullopt;
    case oid_float4: return is_number(kind) ? std::optional(Wire::float4) : std::nullopt;
    case oid_float8: return is_number(kind) ? std::optional(Wire::float8) : std::nullopt;
    case oid_numeric: return whole ? std::optional(Wire::numeric) : kind == Kind::float64 ? std::optional(Wire::any) : std::nullopt;
    case oid_text:
    case oid_varchar:
    case oid_bpchar: return text_like ? std::optional(Wire::text) : std::nullopt;
    case oid_bytea: return kind == Kind::bytes ? std::optional(Wire::bytea) : std::nullopt;
    case oid_date: return kind == Kind::date ? std::optional(Wire::date) : std::nullopt;
    case oid_timestamp: return kind == Kind::timestamp ? std::optional(Wire::timestamp) : std::nullopt;
    // A timestamp without a zone is UTC everywhere in a project.
    case oid_timestamptz: return kind == Kind::timestamp || kind == Kind::timestamp_tz ? std::optional(Wire::timestamp) : std::nullopt;
    case oid_uuid: return kind == Kind::uuid ? std::optional(Wire::uuid) : kind == Kind::text ? std::optional(Wire::uuid_from_text) : std::nullopt;
    case oid_json: return text_like ? std::optional(Wire::text) : std::nullopt;
    case oid_jsonb: return text_like ? std::optional(Wire::jsonb) : std::nullopt;
    default: return text_like ? std::optional(Wire::any) : std::nullopt;
  }
}

// A number as a whole one, where it is; the reason why not otherwise.
const char* whole_number(const Vector& vector, std::size_t row, Type type, Int128& out) {
  switch (type.kind) {
    case Kind::int32: out = vector.at<std::int32_t>(row); return nullptr;
    case Kind::int64: out = vector.at<std::int64_t>(row); return nullptr;
    default: break;
  }
  out = vector.at<Int128>(row);
  for (unsigned i = 0; i < type.scale; ++i) {
    if (out % 10 != 0) return "out_of_range";
    out /= 10;
  }
  return nullptr;
}

double as_double(const Vector& vector, std::size_t row, Type type) {
  switch (type.kind) {
    case Kind::int32: return vector.at<std::int32_t>(row);
    case Kind::int64: return static_cast<double>(vector.at<std::int64_t>(row));
    case Kind::decimal: return static_cast<double>(vector.at<Int128>(row)) / std::pow(10.0, type.scale);
    default: return vector.at<double>(row);
  }
}

template <class T>
const char* put_whole(const Vector& vector, std::size_t row, Type type, std::string& out) {
  Int128 number = 0;
  if (const char* wrong = whole_number(vector, row, type, number)) return wrong;
  if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) return "out_of_range";
  put_field(static_cast<T>(number), out);
  return nullptr;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

const char* check_text(std::string_view text, const ColumnEncoder& column) {
  if (text.find('\0') != std::string_view::npos) return "nul_in_text";
  if (column.length_max >= 0 && text.size() > static_cast<std::size_t>(column.length_max) &&
      characters(text) > static_cast<std::size_t>(column.length_max)) {
    return "too_long";
  }
  return nullptr;
}

const char* put_numeric_value(const Vector& vector, std::size_t row, const ColumnEncoder& column, std::string& out) {
  Int128 number = 0;
  unsigned scale = 0;
  switch (column.type.kind) {
    case Kind::int32: number = vector.at<std::int32_t>(row); break;
    case Kind::int64: number = vector.at<std::int64_t>(row); break;
    default:
      number = vector.at<Int128>(row);
      scale = column.type.scale;
      break;
  }
  if (!fits_numeric(number, scale, column.precision, column.scale)) return "out_of_range";
  put_numeric(number, scale, out);
  return nullptr;
}

const char* put_value(const Vector& vector, std::size_t row, const ColumnEncoder& column, std::string& out) {
  switch (column.wire) {
    case Wire::boolean: put_field(vector.at<std::int8_t>(row), out); return nullptr;
    case Wire::int2: return put_whole<std::int16_t>(vector, row, column.type, out);
    case Wire::int4: return put_whole<std::int32_t>(vector, row, column.type, out);
    case Wire::int8: return put_whole<std::int64_t>(vector, row, column.type, out);
    case Wire::float4: {
      const double value = as_double(vector, row, column.type);
      if (std::isfinite(value) && std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) return "out_of_range";
      put_field(std::bit_cast<std::int32_t>(static_cast<float>(value)), out);
      return nullptr;
    }
    case Wire::float8: put_field(std::bit_cast<std::int64_t>(as_double(vector, row, column.type)), out); return nullptr;
    case Wire::numeric: return put_numeric_value(vector, row, column, out);
    case Wire::text: {
      const std::string_view text = vector.at<Text>(row).view();
      if (const char* wrong = check_text(text, column)) return wrong;
      put_field(text, out);
      return nullptr;
    }
    case Wire::label: {
      const std::string_view text = vector.at<Text>(row).view();
      if (std::ranges::find(column.labels, text) == column.labels.end()) return "not_allowed_value";
      put_field(text, out);
      return nullptr;
    }
    case Wire::jsonb: {
      const std::string_view text = vector.at<Text>(row).view();
      if (const char* wrong = check_text(text, column)) return wrong;
      put_number(static_cast<std::int32_t>(text.size() + 1), out);
      out += '\1';  // the version of the format
      out.append(text);
      return nullptr;
    }
    case Wire::bytea: put_field(vector.at<Text>(row).view(), out); return nullptr;
    case Wire::date: {
      const std::int32_t days = vector.at<std::int32_t>(row);
      // DuckDB and PostgreSQL both keep the infinities as the largest and smallest number.
      const bool infinite = days == std::numeric_limits<std::int32_t>::max() || days <= -std::numeric_limits<std::int32_t>::max();
      if (infinite) {
        put_field(days > 0 ? std::numeric_limits<std::int32_t>::max() : std::numeric_limits<std::int32_t>::min(), out);
        return nullptr;
      }
      if (days < std::numeric_limits<std::int32_t>::min() + days_to_2000 + 1) return "out_of_range";
      put_field(days - days_to_2000, out);
      return nullptr;
    }
    case Wire::timestamp: {
      const std::int64_t micros = vector.at<std::int64_t>(row);
      const bool infinite = micros == std::numeric_limits<std::int64_t>::max() || micros <= -std::numeric_limits<std::int64_t>::max();
      if (infinite) {
        put_field(micros > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min(), out);
        return nullptr;
      }
      if (micros < std::numeric_limits<std::int64_t>::min() + micros_to_2000 + 1) return "out_of_range";
      put_field(micros - micros_to_2000, out);
      return nullptr;
    }
    case Wire::uuid: {
      const auto& bytes = vector.at<std::array<char, 16>>(row);
      put_field(std::string_view(bytes.data(), 16), out);
      return nullptr;
    }
    case Wire::uuid_from_text: {
      Key key;
      if (!parse_uuid(vector.at<Text>(row).view(), key)) return "malformed_value";
      put_field(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), 16), out);
      return nullptr;
    }
    case Wire::any: break;
  }
  return "malformed_value";
}

// COPY's text format: backslash, tab and line ends are escaped.
void put_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
}

const char* put_text_value(const Vector& vector, std::size_t row, const ColumnEncoder& column, std::string& out) {
  switch (column.type.kind) {
    case Kind::boolean: out += vector.at<std::uint8_t>(row) != 0 ? 't' : 'f'; return nullptr;
    case Kind::int32: fmt::format_to(std::back_inserter(out), "{}", vector.at<std::int32_t>(row)); return nullptr;
    case Kind::int64: fmt::format_to(std::back_inserter(out), "{}", vector.at<std::int64_t>(row)); return nullptr;
    case Kind::float64: fmt::format_to(std::back_inserter(out), "{}", vector.at<double>(row)); return nullptr;
    case Kind::decimal: {
      const Int128 number = vector.at<Int128>(row);
      if (column.wire == Wire::numeric && !fits_numeric(number, column.type.scale, column.precision, column.scale)) return "out_of_range";
      put_decimal_text(number, column.type.scale, out);
      return nullptr;
    }
    case Kind::text:
    case Kind::json: {
      const std::string_view text = vector.at<Text>(row).view();
      if (const char* wrong = check_text(text, column)) return wrong;
      put_escaped(text, out);
      return nullptr;
    }
    case Kind::bytes:
      out += "\\\\x";
      for (const char c : vector.at<Text>(row).view()) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(c));
      return nullptr;
    case Kind::date: fmt::format_to(std::back_inserter(out), "J{}", std::int64_t{vector.at<std::int32_t>(row)} + 2440588); return nullptr;
    case Kind::timestamp:
    case Kind::timestamp_tz: {
      const std::int64_t micros = vector.at<std::int64_t>(row);
      const std::int64_t day = 86'400'000'000;
      const std::int64_t days = micros >= 0 ? micros / day : -((-micros + day - 1) / day);
      const std::int64_t rest = micros - days * day;
      // A Julian day and a time: no calendar needed here.
      fmt::format_to(std::back_inserter(out), "J{} {:02}:{:02}:{:02}.{:06}{}", days + 2440588, rest / 3'600'000'000, rest / 60'000'000 % 60,
                     rest / 1'000'000 % 60, rest % 1'000'000, "+00");
      return nullptr;
    }
    case Kind::uuid: {
      Key key;
      std::copy_n(vector.at<std::array<std::uint8_t, 16>>(row).begin(), 16, key.bytes.begin());
      out += to_uuid(key);
      return nullptr;
    }
  }
  return nullptr;
}

std::vector<std::string> names_of(const TableShape& table) {
  std::vector<std::string> names;
  for (const TableColumn& column : table.columns) names.push_back(column.name);
  return names;
}

Result<ColumnEncoder> encoder_for(const Field& field, std::size_t number, const TableShape& table) {
  const TableColumn* column = table.find(field.name);
  if (column == nullptr) {
    return fail(Fault::conflict, "table " + table.name + " has no column \"" + field.name + "\", which the select gives",
                did_you_mean(field.name, names_of(table)));
  }
  if (column->generated) {
    return fail(Fault::conflict, "column \"" + field.name + "\" of table " + table.name + " is generated by the server", "leave it out of the select");
  }
  const auto wire = wire_for(field.type, *column);
  if (!wire) {
    return fail(Fault::conflict, "column \"" + field.name + "\" of table " + table.name + " is " + column->type_text + ", but the select gives " + to_string(field.type),
                "cast it in the select");
  }
  ColumnEncoder encoder;
  encoder.name = field.name;
  encoder.vector = number;
  encoder.type = field.type;
  encoder.wire = *wire;
  encoder.not_null = column->not_null;
  encoder.labels = column->labels;
  if ((column->type == oid_varchar || column->type == oid_bpchar) && column->modifier >= modifier_header) {
    encoder.length_max = column->modifier - modifier_header;
  }
  if (column->type == oid_numeric && column->modifier >= modifier_header) {
    const int modifier = column->modifier - modifier_header;
    encoder.precision = modifier >> 16;
    encoder.scale = ((modifier & 0x7ff) ^ 1024) - 1024;  // 11 bits, may be negative from version 15 on
  }
  return encoder;
}

struct Sentence {
  std::string_view reason;
  std::string_view text;
};
constexpr std::array<Sentence, 6> sentences{{
    {"null_not_allowed", "the table's column takes no NULL"},
    {"out_of_range", "the number does not fit the table's column"},
    {"too_long", "the text is longer than the table's column"},
    {"nul_in_text", "the text holds a NUL character, which PostgreSQL cannot store"},
    {"not_allowed_value", "the text is no label of the column's enum"},
    {"malformed_value", "the text is not of the column's type"},
}};

}  // namespace

std::string_view explain(std::string_view reason) {
  const auto found = std::ranges::find(sentences, reason, &Sentence::reason);
  return found == sentences.end() ? "the table's column does not take the value" : found->text;
}

Result<RowEncoder> RowEncoder::plan(const Schema& columns, const TableShape& table) {
  RowEncoder encoder;
  std::string names;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    SLUICE_TRY(ColumnEncoder column, encoder_for(columns[i], i, table));
    if (column.wire == Wire::any) encoder.binary_ = false;
    names += (names.empty() ? "" : ", ") + quoted(column.name);
    encoder.columns_.push_back(std::move(column));
  }
  for (const TableColumn& column : table.columns) {
    const bool given = std::ranges::find(columns, column.name, &Field::name) != columns.end();
    if (!given && column.not_null && !column.has_default && !column.generated) {
      return fail(Fault::conflict, "column \"" + column.name + "\" of table " + table.name + " takes no NULL and has no default, but the select does not give it",
                  "add it to the select");
    }
  }
  encoder.copy_sql_ = "COPY " + table.name + " (" + names + ") FROM STDIN" + (encoder.binary_ ? " (FORMAT binary)" : "");
  return encoder;
}

void RowEncoder::header(std::string& out) const {
  if (binary_) out.append("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void RowEncoder::trailer(std::string& out) const {
  if (binary_) put_number(std::int16_t{-1}, out);
}

RowRefusal RowEncoder::encode(const Batch& batch, std::size_t row, std::string& out) const {
  return binary_ ? encode_binary(batch, row, out) : encode_text(batch, row, out);
}

RowRefusal RowEncoder::encode_binary(const Batch& batch, std::size_t row, std::string& out) const {
  put_number(static_cast<std::int16_t>(columns_.size()), out);
  for (const ColumnEncoder& column : columns_) {
    const Vector& vector = batch.vectors[column.vector];
    if (vector.is_null(row)) {
      if (column.not_null) return {"null_not_allowed", &column};
      put_null(out);
    } else if (const char* wrong = put_value(vector, row, column, out)) {
      return {wrong, &column};
    }
  }
  return {};
}

RowRefusal RowEncoder::encode_text(const Batch& batch, std::size_t row, std::string& out) const {
  bool first = true;
  for (const ColumnEncoder& column : columns_) {
    if (!first) out += '\t';
    first = false;
    const Vector& vector = batch.vectors[column.vector];
    if (vector.is_null(row)) {
      if (column.not_null) return {"null_not_allowed", &column};
      out += "\\N";
    } else if (const char* wrong = put_text_value(vector, row, column, out)) {
      return {wrong, &column};
    }
  }
  out += '\n';
  return {};
}

}  // namespace sluice::postgres
