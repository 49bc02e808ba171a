// A table read in parts: which SELECTs, one after the other, give all its rows once, in an order that does not depend
// on the number of readers.
//
// Without `order_by` they are ranges of blocks of the table's file (of each partition and child in turn), which a
// server finds by ctid; with it, ranges of the first column, and the rows where it is NULL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/snapshot.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

struct BlockRange {
  std::size_t table = 0;  // of ReadParts::tables
  std::int64_t first = 0;
  std::optional<std::int64_t> end;  // the first one that is not in it; empty: as far as the file goes
};
// The last one has no end: the file may be longer than somebody said.
std::vector<BlockRange> block_ranges(std::size_t table, std::int64_t blocks, std::int64_t blocks_each);

// Each row fits one of them, in this order: `bounds` are ascending values of `column`, as SQL writes them.
std::vector<std::string> key_ranges(const std::string& column, const std::vector<std::string>& bounds, bool nullable);

struct ReadParts {
  std::string select;                     // all of it, or what stands before the table
  std::string order;                      // " order by ...", or ""
  std::vector<TableName> tables{};        // that the parts read
  std::vector<BlockRange> blocks{};       // one a part
  std::vector<std::string> conditions{};  // or: one a part, of all tables
  std::size_t readers = 1;

  std::size_t count() const;
  std::string sql(std::size_t part) const;
};

struct PartLimits {
  std::size_t readers;  // where the query does not say
  // By its object id: whether the transaction holds a lock on the table.
  std::function<bool(std::int64_t)> locked;
};
// Asked in the transaction that holds the snapshot. `columns` are those of the query. Errors (config): `order_by` names
// no column; several readers are asked for where one has to read all.
Result<ReadParts> plan_parts(Connection& connection, const ReadQuery& query, const Schema& columns,
                             const PartLimits& limits);

}  // namespace sluice::postgres
