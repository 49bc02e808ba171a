#include "sluice/engine/query_select.hpp"

namespace sluice::engine {

namespace {

std::string in_column(const std::string& column) { return column.empty() ? "" : "column \"" + column + "\": "; }

}  // namespace

Result<QuerySelect> QuerySelect::open(Engine& engine, const std::string& sql, const Place& place, const Schema& columns,
                                      const std::vector<std::string>& tags) {
  SelectOptions options{sql, place, {}, false};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    RecordField field;
    field.name = columns[i].name;
    field.type = columns[i].type;
    field.nullable = true;
    field.pii = tags[i];
    options.record.fields.push_back(std::move(field));
  }
  SLUICE_TRY(auto select, engine.prepare(options));
  return QuerySelect(std::move(select));
}

Result<void> QuerySelect::run(const Batch& batch, std::vector<Batch>& out) {
  const InputView view{batch.vectors, nullptr};
  SLUICE_TRY(const auto fault, select_->run(view, 0, batch.rows, out));
  if (fault) return name_the_row(view, 0, batch.rows);
  rows_ += batch.rows;
  return {};
}

// Halves until the row that is refused is alone. Where no half is refused, the fault is not of one row.
Result<void> QuerySelect::name_the_row(const InputView& view, std::size_t first, std::size_t count) {
  std::vector<Batch> dropped;
  SLUICE_TRY(const auto fault, select_->run(view, first, count, dropped));
  if (!fault) return {};
  if (count == 1) {
    return fail(Fault::data,
                "row " + std::to_string(rows_ + first + 1) + " of the query: " +
                    in_column(select_->refusing_column(view, first)) + fault->reason + ": " + fault->text,
                "nothing was published; mend the row, or let the query leave it out");
  }
  const std::size_t half = count / 2;
  dropped.clear();
  SLUICE_CHECK(name_the_row(view, first, half));
  SLUICE_CHECK(name_the_row(view, first + half, count - half));
  return fail(Fault::data, fault->reason + ": " + fault->text);
}

}  // namespace sluice::engine
