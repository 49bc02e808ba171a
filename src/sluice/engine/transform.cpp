#include "sluice/engine/transform.hpp"

#include "sluice/core/clock.hpp"
#include "sluice/engine/decoder.hpp"
#include "sluice/engine/parquet.hpp"

namespace sluice::engine {
namespace {

Schema schema_of(const Record& record) {
  Schema schema;
  for (const RecordField& field : record.fields) schema.push_back({field.name, field.type});
  return schema;
}

class RowsTransform final : public Transform {
 public:
  RowsTransform(const Record& record, std::unique_ptr<Decoder> decoder, std::unique_ptr<Select> select)
      : schema_(std::make_shared<const Schema>(schema_of(record))),
        input_(record),
        decoder_(std::move(decoder)),
        select_(std::move(select)) {}

  Result<Transformed> apply(const Delivery& delivery) override {
    Transformed out;
    {
      const Stopwatch watch(seconds_.decode);
      SLUICE_CHECK(decoder_->decode(delivery, input_, out.rejects));
    }
    if (input_.rows() == 0) return out;
    if (!select_) {
      out.batches.push_back(as_it_is());
      return out;
    }
    const Stopwatch watch(seconds_.select);
    SLUICE_CHECK(select(0, input_.rows(), out));
    return out;
  }

  TransformSeconds seconds() const override { return seconds_; }

 private:
  // Runs on a range of rows; where one of them is refused, on its halves, in order, until it is alone.
  Result<void> select(std::size_t first, std::size_t count, Transformed& out) {
    SLUICE_TRY(const auto fault, select_->run(input_.view(), first, count, out.batches));
    if (!fault) return {};
    if (count == 1) {
      Reject reject;
      reject.message = input_.origin()[first];
      reject.stage = fault->mask ? Stage::mask : Stage::select;
      reject.reason = fault->reason;
      reject.column = select_->refusing_column(input_.view(), first);
      reject.text = fault->text;
      out.rejects.push_back(std::move(reject));
      return {};
    }
    const std::size_t half = count / 2;
    SLUICE_CHECK(select(first, half, out));
    return select(first + half, count - half, out);
  }

  Batch as_it_is() const {
    Batch batch;
    batch.schema = schema_;
    batch.vectors = input_.view().vectors;
    batch.vectors.resize(schema_->size());  // without the message's own columns
    batch.rows = input_.rows();
    batch.origin = input_.origin().data();
    return batch;
  }

  std::shared_ptr<const Schema> schema_;
  Input input_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Select> select_;
  TransformSeconds seconds_;
};

Result<std::unique_ptr<Decoder>> open_decoder(const RowsOptions& options) {
  if (options.dialect.format == objects::Format::csv) return open_csv_decoder(options.record, options.dialect.csv);
  if (options.dialect.format == objects::Format::parquet)
    return open_csv_decoder(options.record, parquet_row_dialect());
  return open_json_decoder(options.record);
}

}  // namespace

Result<RowsPlan> plan_rows(Engine& engine, const RowsOptions& options) {
  SLUICE_CHECK(open_decoder(options));
  if (options.select.empty()) return RowsPlan{schema_of(options.record), as_it_is(input_relation(options.record))};
  SLUICE_TRY(const auto select, engine.prepare({options.select, options.select_place, options.record}));
  return RowsPlan{select->columns(), select->lineage()};
}

Result<std::unique_ptr<Transform>> open_transform(Engine& engine, const RowsOptions& options) {
  SLUICE_TRY(auto decoder, open_decoder(options));
  std::unique_ptr<Select> select;
  if (!options.select.empty()) {
    SLUICE_TRY(select, engine.prepare({options.select, options.select_place, options.record}));
  }
  return std::unique_ptr<Transform>(
      std::make_unique<RowsTransform>(options.record, std::move(decoder), std::move(select)));
}

}  // namespace sluice::engine
