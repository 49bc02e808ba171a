// How the values of one column reach the server: chosen once from the select's type and the table's
// column, then a plain function a value, which also checks what the server would check.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/result.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/copy_buffer.hpp"
#include "sluice/postgres/numeric.hpp"

namespace sluice::postgres {

struct Encoder;

// Appends the value's length and bytes, or gives the reason code for which the row is refused. What it
// appended then is for the caller to take away.
using Encode = const char* (*)(const Encoder& encoder, const Vector& values, std::size_t row, CopyBuffer& out);

struct Encoder {
  std::string name;  // of the table's column
  Type from;         // what the select gives
  bool not_null = false;
  Encode encode = nullptr;            // null: there is no binary form for this type; the table goes as text
  std::size_t length_max = 0;         // characters; 0: any
  NumericLimit limit{};               // of a numeric
  std::int64_t factor = 1;            // a decimal without fraction divides by this
  std::vector<std::string> labels{};  // of an enum, sorted
};

// An error says that these types do not go together, and what to write instead.
Result<Encoder> choose_encoder(const Field& field, const Column& column);

// The field in binary: checks for NULL first.
inline const char* put_binary(const Encoder& encoder, const Vector& values, std::size_t row, CopyBuffer& out) {
  if (values.is_null(row)) {
    if (encoder.not_null) return "null_not_allowed";
    out.put_int32(-1);
    return nullptr;
  }
  return encoder.encode(encoder, values, row, out);
}

// The field in COPY's text form, checked the same way. `scratch` is used and left empty.
const char* put_text(const Encoder& encoder, const Vector& values, std::size_t row, CopyBuffer& out,
                     CopyBuffer& scratch);

// One sentence for a person: "is longer than column "locale" (character varying(32)) takes".
std::string sentence_for(std::string_view reason, std::string_view column);

}  // namespace sluice::postgres
