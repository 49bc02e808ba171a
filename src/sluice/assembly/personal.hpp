// Which columns of a database hold personal data, and whether an export would let one out in clear.
//
// A column is personal where the connection says so (`personal:`), where a flow of the project brings it there in
// clear, and where a model takes it from such a column. A view of the database is personal as a whole: where its
// columns come from is not followed. Say `personal: { VIEW: [...] }`, with what is personal in it, to be exact.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/engine/lineage.hpp"

namespace sluice::assembly {

using ModelWarnings = std::map<std::string, std::vector<std::string>>;  // by model; each with its place

class PersonalColumns {
 public:
  // All of it outlives this. `database` is that of `connection`.
  PersonalColumns(const Assembly& assembly, const Work& work, const project::Connection& connection,
                  Database& database);

  // Where the columns of an export come from; no paths where nothing of this database is personal. `columns` are
  // those of its query. Errors (config): a query that DuckDB cannot bind, while something is personal: nothing is
  // proved of it. Errors (conflict): a table that is not there.
  Result<engine::Lineage> follow(const project::Export& out, const Schema& columns);

  // By model, what there is to warn of in its SELECT; nothing of one that cannot be followed.
  ModelWarnings of_models();

 private:
  Result<void> start();
  Result<void> follow_model(const Model& model, const RelationShape& shape);
  Result<void> check_declared(const RelationShape& shape) const;
  Result<void> check_misspelt(const std::string& declared, const TableName& read) const;
  Result<void> check_unambiguous(const std::vector<TableName>& tables, const engine::TraceOptions& options) const;
  Result<engine::Lineage> trace(const std::string& sql, const Place& place, const std::string& home);
  Result<engine::Relation> relation_of(const TableName& table, const std::string& home);
  void add(const std::string& table, const std::string& column, const std::string& pii);

  const Assembly& assembly_;
  const Work& work_;
  const project::Connection& connection_;
  Database& database_;
  Result<void> check_functions(const std::string& sql, const Place& place);

  bool is_postgres_;
  bool started_ = false;
  // By table ("TABLE" or "SCHEMA.TABLE") and column, both in lower case: its tag.
  std::map<std::string, std::map<std::string, std::string>> tags_;
  std::optional<std::vector<std::string>> own_functions_;  // of the database; empty: not asked yet
  std::set<std::string> declared_;                         // tables of which `personal` says all
  std::map<std::string, const Model*> models_;             // by the table they make, in lower case
  std::set<const Model*> followed_;                        // when something first reads their table
  std::set<const Model*> open_models_;                     // being followed at the moment
  std::map<std::string, engine::Relation> relations_;      // by the name they were asked for
};

// The check of an export, before a row is read: an error (config) with the path that a personal column takes. Gives the
// lineage of what is written.
Result<engine::Lineage> check_export(const Assembly& assembly, const project::Export& out, PersonalColumns& personal,
                                     const Schema& columns);

// One log line each: `step` is a flow or model.
void log_warnings(const std::string& step, const std::vector<std::string>& warnings);

// For a person who looks at the project. Asks a server only where an export of the project reads it anyway.
ModelWarnings warnings_of_models(const Assembly& assembly, const Work& work);

}  // namespace sluice::assembly
