// Values in COPY's text form, for tables with a type that has no binary encoder here. Slower, and rare.
#include "sluice/core/value_text.hpp"
#include "sluice/postgres/encoder.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

void put_escaped(std::string_view text, CopyBuffer& out) {
  for (const char c : text) {
    switch (c) {
      case '\\': out.put("\\\\"); break;
      case '\n': out.put("\\n"); break;
      case '\r': out.put("\\r"); break;
      case '\t': out.put("\\t"); break;
      default: out.put(c);
    }
  }
}

}  // namespace

const char* put_text(const Encoder& encoder, const Vector& values, std::size_t row, CopyBuffer& out,
                     CopyBuffer& scratch) {
  if (values.is_null(row)) {
    if (encoder.not_null) return "null_not_allowed";
    out.put("\\N");
    return nullptr;
  }
  if (encoder.encode != nullptr) {  // for its checks
    const char* reason = encoder.encode(encoder, values, row, scratch);
    scratch.clear();
    if (reason != nullptr) return reason;
  }
  switch (encoder.from.kind) {
    case Kind::bytes: {
      const std::string_view bytes = values.at<Text>(row).view();
      out.put('\\');  // the backslash of \x is written twice
      put_hex(bytes, out.grow(2 + 2 * bytes.size()));
      break;
    }
    case Kind::text:
    case Kind::json: {
      const std::string_view text = values.at<Text>(row).view();
      const Characters characters = count_characters(text);
      if (!characters.valid) return "invalid_utf8";
      if (characters.has_nul) return "nul_in_text";
      put_escaped(text, out);
      break;
    }
    default: {
      const std::size_t before = out.size();
      char* to = out.grow(value_text_max);
      Type type = encoder.from;
      // Of UTC, wherever the session says it is.
      if (type.kind == Kind::timestamp) type.kind = Kind::timestamp_tz;
      const auto size = static_cast<std::size_t>(put_value(type, values, row, to) - to);
      out.shrink(before + size);
    }
  }
  return nullptr;
}

}  // namespace sluice::postgres
