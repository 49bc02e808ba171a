// A `select` over the rows of a query: what stands between a database and an object store.
//
// There are no rejects here: the database holds the row, and an object without it would be short. A row that cannot be
// computed is an error that says which one it is.
#pragma once

#include <memory>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/engine/select.hpp"

namespace sluice::engine {

// One thread uses it.
class QuerySelect {
 public:
  // `tags` are those of the query's columns, by number; "" where a column is not personal. Errors as of
  // Engine::prepare().
  static Result<QuerySelect> open(Engine& engine, const std::string& sql, const Place& place, const Schema& columns,
                                  const std::vector<std::string>& tags);

  const Schema& columns() const { return select_->columns(); }
  const Lineage& lineage() const { return select_->lineage(); }

  // Appends what comes out of `batch` to `out`, in order. An error (data) counts the rows of all calls, from 1.
  Result<void> run(const Batch& batch, std::vector<Batch>& out);

 private:
  explicit QuerySelect(std::unique_ptr<Select> select) : select_(std::move(select)) {}
  Result<void> name_the_row(const InputView& view, std::size_t first, std::size_t count);

  std::unique_ptr<Select> select_;
  std::uint64_t rows_ = 0;  // of the batches before
};

}  // namespace sluice::engine
