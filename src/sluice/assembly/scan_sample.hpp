// The first rows of a queue, of objects or of a table, taken apart into columns for `sluice scan`.
//
// Nothing is kept of a value but counts (scan/column.hpp). A queue's messages are given back, none is deleted.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/assembly/json_keys.hpp"
#include "sluice/core/database.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/objects/format.hpp"
#include "sluice/scan/column.hpp"

namespace sluice::assembly {

struct SampledColumn {
  std::vector<std::string> path;  // names from the outside in; one of a table or a CSV
  scan::Column column;
};

struct Sample {
  static constexpr std::size_t columns_max = 1000;

  std::list<SampledColumn> columns;  // in the order in which they were met
  std::uint64_t rows = 0;
  std::uint64_t unreadable = 0;         // not JSON, or not an object
  bool too_many = false;                // columns: the others were not looked at
  std::vector<std::string> warnings{};  // what the reader should know
  JsonKeys keys{};

  // "user.email", with * for a key that may be a value.
  std::string shown(const SampledColumn& column) const;
  // No part of its path may be a value.
  bool is_told(const SampledColumn& column) const;

  // Null where there are too many. `said`: what a new column is called where that is not to be shown; empty: as its
  // path says.
  scan::Column* at(const std::vector<std::string>& path, const std::string& said = {});

 private:
  std::map<std::vector<std::string>, scan::Column*> by_path_;
};

Result<Sample> sample_queue(Queue& queue, std::size_t rows);
// Of several objects some of the rows each. `names`: the columns of a CSV without a header, in their order; of one with
// a header the names that are known to be names.
Result<Sample> sample_objects(ObjectStore& store, std::vector<ObjectFacts> found, const objects::Dialect& dialect,
                              const std::vector<std::string>& names, std::size_t rows);
Result<Sample> sample_table(Database& database, const TableName& table, std::size_t rows);

}  // namespace sluice::assembly
