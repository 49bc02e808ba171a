// What the record says of one field, applied to a value: type, range, length, allowed values, pattern.
#pragma once

#include <memory>
#include <string_view>

#include "sluice/core/record.hpp"
#include "sluice/core/result.hpp"
#include "sluice/engine/input.hpp"

namespace re2 {
class RE2;
}

namespace sluice::engine {

class FieldRules {
 public:
  // Errors (config): a pattern that RE2 does not take.
  static Result<FieldRules> make(RecordField field);
  FieldRules(FieldRules&&) noexcept;
  FieldRules& operator=(FieldRules&&) noexcept;
  ~FieldRules();

  const RecordField& field() const { return field_; }

  // Each puts a value at `row` of `column`. nullptr: done; else the reason code why it is refused.
  // `text` must live as long as the column's values; bytes are decoded into `room`, which is as long as the text and
  // may be the text itself.
  const char* set_text(std::string_view text, std::size_t row, Column& column, char* room) const;
  // int, bigint, float and decimal. `malformed`: the code for a text that is no number of this type.
  const char* set_number(std::string_view token, std::size_t row, Column& column, const char* malformed) const;
  const char* set_null(std::size_t row, Column& column) const;

 private:
  explicit FieldRules(RecordField field);
  const char* one_of(std::string_view text) const;

  RecordField field_;
  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace sluice::engine
