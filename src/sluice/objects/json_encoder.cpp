#include <algorithm>
#include <array>
#include <cmath>

#include "sluice/core/value_text.hpp"
#include "sluice/objects/row_encoder.hpp"

namespace sluice::objects {
namespace {

void put_string(std::string_view text, std::string& out) {
  constexpr const char* hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += hex[static_cast<unsigned char>(c) >> 4U];
          out += hex[static_cast<unsigned char>(c) & 15U];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

class JsonEncoder final : public RowEncoder {
 public:
  explicit JsonEncoder(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {
    for (const Field& field : *schema_) {
      std::string name(names_.empty() ? "{" : ",");
      put_string(field.name, name);
      names_.push_back(name + ":");
    }
  }

  void begin(std::string&) override {}

  Result<void> add(const Batch& batch, std::string& out) override {
    for (std::size_t row = 0; row < batch.rows; ++row) {
      for (std::size_t i = 0; i < names_.size(); ++i) {
        out += names_[i];
        if (batch.vectors[i].is_null(row)) {
          out += "null";
        } else {
          put(batch.vectors[i], (*schema_)[i].type, row, out);
        }
      }
      out += "}\n";
    }
    return {};
  }

 private:
  void put(const Vector& values, Type type, std::size_t row, std::string& out) {
    std::array<char, value_text_max> text;
    switch (type.kind) {
      case Kind::text: return put_string(values.at<Text>(row).view(), out);
      case Kind::json: {
        // A line's end stands between values only; inside a string it is escaped.
        const std::size_t before = out.size();
        out += values.at<Text>(row).view();
        std::replace_if(
            out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), [](char c) { return c == '\n' || c == '\r'; },
            ' ');
        return;
      }
      case Kind::bytes: {
        const std::string_view bytes = values.at<Text>(row).view();
        scratch_.resize(2 + 2 * bytes.size());
        put_hex(bytes, scratch_.data());
        return put_string(scratch_, out);
      }
      default: break;
    }
    std::string_view value(text.data(),
                           static_cast<std::size_t>(put_value(type, values, row, text.data()) - text.data()));
    switch (type.kind) {
      case Kind::boolean:
      case Kind::int32:
      case Kind::int64:
      case Kind::decimal: out += value; return;
      case Kind::float64:
        if (std::isfinite(values.at<double>(row))) {
          out += value;
          return;
        }
        break;
      case Kind::timestamp:
      case Kind::timestamp_tz:
        if (const std::size_t space = value.find(' '); space != std::string_view::npos) text[space] = 'T';
        if (type.kind == Kind::timestamp_tz && value.ends_with("+00")) {
          text[value.size() - 3] = 'Z';
          value.remove_suffix(2);
        }
        break;
      default: break;
    }
    out += '"';
    out += value;
    out += '"';
  }

  std::shared_ptr<const Schema> schema_;
  std::vector<std::string> names_;  // as they stand before a value: `{"a":`, `,"b":`
  std::string scratch_;
};

}  // namespace

std::unique_ptr<RowEncoder> json_encoder(std::shared_ptr<const Schema> schema) {
  return std::make_unique<JsonEncoder>(std::move(schema));
}

}  // namespace sluice::objects
