#include "sluice/objects/row_writer.hpp"

#include "sluice/objects/byte_packer.hpp"
#include "sluice/objects/row_encoder.hpp"

namespace sluice::objects {
namespace {

class TextWriter final : public RowWriter {
 public:
  TextWriter(std::unique_ptr<RowEncoder> encoder, std::unique_ptr<BytePacker> packer, ObjectWriter& out)
      : encoder_(std::move(encoder)), packer_(std::move(packer)), out_(out) {
    encoder_->begin(text_);
  }

  Result<void> write(const Batch& batch) override {
    SLUICE_CHECK(encoder_->add(batch, text_));
    return text_.size() < enough ? Result<void>() : flush();
  }

  Result<void> finish() override {
    SLUICE_CHECK(flush());
    if (!packer_) return {};
    packed_.clear();
    SLUICE_CHECK(packer_->finish(packed_));
    return out_.write(packed_);
  }

  std::uint64_t bytes() const override { return bytes_ + text_.size(); }

 private:
  static constexpr std::size_t enough = std::size_t{256} << 10U;

  Result<void> flush() {
    bytes_ += text_.size();
    if (packer_) {
      packed_.clear();
      SLUICE_CHECK(packer_->add(text_, packed_));
      SLUICE_CHECK(out_.write(packed_));
    } else {
      SLUICE_CHECK(out_.write(text_));
    }
    text_.clear();
    return {};
  }

  std::unique_ptr<RowEncoder> encoder_;
  std::unique_ptr<BytePacker> packer_;
  ObjectWriter& out_;
  std::string text_;
  std::string packed_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowWriter>> open_row_writer(const Dialect& dialect, std::string_view key,
                                                   std::shared_ptr<const Schema> schema, ObjectWriter& out) {
  auto encoder =
      dialect.format == Format::csv ? csv_encoder(dialect.csv, std::move(schema)) : json_encoder(std::move(schema));
  SLUICE_TRY(auto packer, open_packer(compression_of(dialect.compression, key)));
  return std::make_unique<TextWriter>(std::move(encoder), std::move(packer), out);
}

std::string_view extension_of(const Dialect& dialect) {
  if (dialect.format == Format::parquet) return ".parquet";
  const bool csv = dialect.format == Format::csv;
  switch (dialect.compression) {
    case Compression::gzip: return csv ? ".csv.gz" : ".json.gz";
    case Compression::zstd: return csv ? ".csv.zst" : ".json.zst";
    default: return csv ? ".csv" : ".json";
  }
}

std::string_view content_type_of(const Dialect& dialect, std::string_view key) {
  if (dialect.format == Format::parquet) return "application/vnd.apache.parquet";
  switch (compression_of(dialect.compression, key)) {
    case Compression::gzip: return "application/gzip";
    case Compression::zstd: return "application/zstd";
    default: break;
  }
  return dialect.format == Format::csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
}

}  // namespace sluice::objects
