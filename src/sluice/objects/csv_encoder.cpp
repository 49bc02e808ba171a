#include <array>

#include "sluice/core/value_text.hpp"
#include "sluice/objects/row_encoder.hpp"

namespace sluice::objects {
namespace {

class CsvEncoder final : public RowEncoder {
 public:
  CsvEncoder(const CsvDialect& dialect, std::shared_ptr<const Schema> schema)
      : dialect_(dialect), schema_(std::move(schema)) {
    for (const char c : {dialect_.delimiter, '\n', '\r'}) special_[static_cast<unsigned char>(c)] = true;
    if (dialect_.quote != '\0') special_[static_cast<unsigned char>(dialect_.quote)] = true;
    // A text of a number's letters could read as NULL, or hold the delimiter.
    for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyzBCINT-+.: \\")) {
      if (special_[static_cast<unsigned char>(c)]) plain_values_ = false;
    }
    if (!dialect_.null_text.empty()) plain_values_ = false;
  }

  void begin(std::string& out) override {
    if (!dialect_.header) return;
    for (std::size_t i = 0; i < schema_->size(); ++i) {
      if (i > 0) out += dialect_.delimiter;
      // A reader that is told of a header takes no name for NULL, and a name that cannot be quoted is caught with the
      // first row that needs it; a header cannot fail.
      put_quoted_where_needed((*schema_)[i].name, out);
    }
    out += '\n';
  }

  Result<void> add(const Batch& batch, std::string& out) override {
    const std::size_t columns = schema_->size();
    for (std::size_t row = 0; row < batch.rows; ++row) {
      for (std::size_t i = 0; i < columns; ++i) {
        if (i > 0) out += dialect_.delimiter;
        const Vector& values = batch.vectors[i];
        if (values.is_null(row)) {
          out += dialect_.null_text;
        } else if (!put(values, (*schema_)[i].type, row, out)) {
          return fail(Fault::data,
                      "column \"" + (*schema_)[i].name + "\" holds a value that needs quotes, and the CSV has none",
                      "give `quote` a character, or another `delimiter`");
        }
      }
      out += '\n';
    }
    return {};
  }

 private:
  // False: the value needs quotes, and there are none.
  bool put(const Vector& values, Type type, std::size_t row, std::string& out) {
    switch (type.kind) {
      case Kind::text:
      case Kind::json: return put_quoted_where_needed(values.at<Text>(row).view(), out);
      case Kind::bytes: {
        const std::string_view bytes = values.at<Text>(row).view();
        scratch_.resize(2 + 2 * bytes.size());
        put_hex(bytes, scratch_.data());
        return put_quoted_where_needed(scratch_, out);
      }
      default: break;
    }
    std::array<char, value_text_max> text;
    const auto size = static_cast<std::size_t>(put_value(type, values, row, text.data()) - text.data());
    if (!plain_values_) return put_quoted_where_needed({text.data(), size}, out);
    out.append(text.data(), size);
    return true;
  }

  bool put_quoted_where_needed(std::string_view text, std::string& out) {
    bool needed = text == dialect_.null_text || (schema_->size() == 1 && text == "\\.");
    for (const char c : text) needed = needed || special_[static_cast<unsigned char>(c)];
    if (!needed) {
      out += text;
      return true;
    }
    if (dialect_.quote == '\0') return false;
    out += dialect_.quote;
    for (const char c : text) {
      if (c == dialect_.quote) out += c;
      out += c;
    }
    out += dialect_.quote;
    return true;
  }

  CsvDialect dialect_;
  std::shared_ptr<const Schema> schema_;
  std::array<bool, 256> special_{};
  bool plain_values_ = true;  // no number, date or boolean ever needs quotes
  std::string scratch_;
};

}  // namespace

std::unique_ptr<RowEncoder> csv_encoder(const CsvDialect& dialect, std::shared_ptr<const Schema> schema) {
  return std::make_unique<CsvEncoder>(dialect, std::move(schema));
}

}  // namespace sluice::objects
