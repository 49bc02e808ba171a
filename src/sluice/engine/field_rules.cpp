#include "sluice/engine/field_rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "sluice/engine/decoder.hpp"
#include "sluice/engine/values.hpp"

namespace sluice::engine {
namespace {

struct Reason {
  std::string_view code;
  std::string_view sentence;
};
constexpr std::array reasons{
    Reason{"empty_body", "the body is empty"},
    Reason{"not_utf8", "the body is not valid UTF-8"},
    Reason{"not_json", "the body is not valid JSON"},
    Reason{"not_an_object", "the body is JSON but no object"},
    Reason{"nested_too_deep", "the body is nested too deep"},
    Reason{"duplicate_key", "the field stands in the body twice"},
    Reason{"missing_field", "the field is missing"},
    Reason{"extra_field", "the body has a field that the record does not name"},
    Reason{"wrong_type", "the value has another JSON type than the record says"},
    Reason{"null_not_allowed", "the value is null, which the record does not allow"},
    Reason{"malformed_value", "the text is not a value of the record's type"},
    Reason{"out_of_range", "the value does not fit the record's type"},
    Reason{"too_long", "the text is longer than the record's max"},
    Reason{"not_allowed_value", "the value is not one of those the record lists"},
    Reason{"pattern_mismatch", "the text does not match the record's pattern"},
    Reason{"nul_in_text", "the text holds a NUL character"},
    Reason{"body_too_large", "the body is larger than 1 MiB"},
    Reason{"ragged_row", "the row has more or fewer fields than its header"},
    Reason{"bad_quotes", "something stands between a closing quote and the next field"},
};

}  // namespace

std::string_view explain(std::string_view code) {
  for (const Reason& reason : reasons) {
    if (reason.code == code) return reason.sentence;
  }
  return "the row was refused";
}

FieldRules::FieldRules(RecordField field) : field_(std::move(field)) {}
FieldRules::FieldRules(FieldRules&&) noexcept = default;
FieldRules& FieldRules::operator=(FieldRules&&) noexcept = default;
FieldRules::~FieldRules() = default;

Result<FieldRules> FieldRules::make(RecordField field) {
  FieldRules rules(std::move(field));
  const RecordField& made = rules.field_;
  if (!made.pattern.empty()) {
    RE2::Options options;
    options.set_log_errors(false);
    rules.pattern_ = std::make_unique<RE2>(made.pattern, options);
    if (!rules.pattern_->ok()) {
      return fail(Fault::config, "record field '" + made.name + "': pattern: " + rules.pattern_->error(),
                  "write it as RE2 takes it (no look-around, no back-references)");
    }
  }
  return rules;
}

const char* FieldRules::set_null(std::size_t row, Column& column) const {
  if (!field_.nullable) return "null_not_allowed";
  column.set_null(row);
  return nullptr;
}

const char* FieldRules::set_number(std::string_view token, std::size_t row, Column& column,
                                   const char* malformed) const {
  Parsed parsed = Parsed::malformed;
  switch (field_.type.kind) {
    case Kind::int32: {
      std::int32_t out = 0;
      parsed = parse_int32(token, out);
      column.set(row, out);
      break;
    }
    case Kind::int64: {
      std::int64_t out = 0;
      parsed = parse_int64(token, out);
      column.set(row, out);
      break;
    }
    case Kind::float64: {
      double out = 0;
      parsed = parse_float64(token, out);
      column.set(row, out);
      break;
    }
    default: {
      Int128 out = 0;
      parsed = parse_decimal(token, field_.type.precision, field_.type.scale, out);
      column.set(row, out);
      break;
    }
  }
  if (parsed == Parsed::malformed) return malformed;
  if (parsed == Parsed::out_of_range) return "out_of_range";
  return one_of(token);
}

const char* FieldRules::set_text(std::string_view text, std::size_t row, Column& column, char* room) const {
  Parsed parsed = Parsed::ok;
  switch (field_.type.kind) {
    case Kind::text:
      if (text.find('\0') != std::string_view::npos) return "nul_in_text";
      if (field_.max && text.size() > *field_.max && characters(text) > *field_.max) return "too_long";
      column.set(row, Text(text));
      break;
    case Kind::bytes: {
      const auto length = parse_bytes(text, room);
      if (!length) return "malformed_value";
      if (field_.max && *length > *field_.max) return "too_long";
      column.set(row, Text({room, *length}));
      return nullptr;
    }
    case Kind::date: {
      std::int32_t out = 0;
      parsed = parse_date(text, out);
      column.set(row, out);
      break;
    }
    case Kind::timestamp:
    case Kind::timestamp_tz: {
      std::int64_t out = 0;
      parsed = parse_timestamp(text, field_.type.kind == Kind::timestamp_tz, out);
      column.set(row, out);
      break;
    }
    case Kind::uuid: {
      std::array<std::uint8_t, 16> out{};
      parsed = parse_uuid_bytes(text, out);
      column.set(row, out);
      break;
    }
    default: return "wrong_type";
  }
  if (parsed == Parsed::malformed) return "malformed_value";
  if (parsed == Parsed::out_of_range) return "out_of_range";
  if (pattern_ && !RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *pattern_)) return "pattern_mismatch";
  return one_of(text);
}

const char* FieldRules::one_of(std::string_view text) const {
  if (field_.one_of.empty() || std::ranges::find(field_.one_of, text) != field_.one_of.end()) return nullptr;
  return "not_allowed_value";
}

}  // namespace sluice::engine
