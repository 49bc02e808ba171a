// How rows of one flow reach one table: made once by prepare(), read by every sink of the flow.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/postgres/encoder.hpp"

namespace sluice::postgres {

struct Plan {
  std::string table;              // "warehouse.user_logins", for messages
  std::string copy;               // COPY "public"."t" ("a", "b") FROM STDIN ...
  bool as_text = false;           // COPY's text form: a column has no binary encoder
  std::vector<Encoder> encoders;  // in the order of the select's columns
  std::string copy_keys;          // COPY of the ledger's messages
  std::string insert_keys;        // the same by INSERT, $1 the flow's number, $2 the keys
  std::string rejects;            // quoted name of the table for rejects
  std::int64_t flow = 0;
  std::string project;
  std::string flow_name;

  std::vector<std::string> columns;  // of the table, in the order of the select's

  // Of a flow from objects.
  Mode mode = Mode::append;
  std::vector<std::string> key;
  std::string objects;     // quoted name of the ledger's table of objects
  std::string chunks;      // of objects that are loaded in part
  std::string flows;       // and of flows
  std::string runs;        // and of runs
  std::string definition;  // of what is made of the rows
  bool refresh = false;
  std::string target;       // the quoted table
  bool may_read = false;    // which needs a right of its own
  std::string start_merge;  // makes the table that COPY fills
  std::string end_merge;    // takes its rows over
  std::string empty_merge;  // behind that: and empties it
};

// Compares by name and chooses an encoder a column. The error names every column that is missing or too many.
Result<Plan> match_columns(const Schema& select, const Table& table, const std::string& where);

// Fills in what `target.mode` needs. Errors: a right that is missing (denied), a key that is none (conflict).
Result<void> plan_load(Connection& connection, const Target& target, const Table& table, Plan& plan);

// "numeric(10,2)", as a table is made with.
std::string sql_type(Type type);

// CREATE TABLE for `create: true`. All columns may be NULL, since a select does not say which may not.
// `key` is its primary key, if there is one.
std::string create_table_sql(const TableName& name, const Schema& columns, const std::vector<std::string>& key);

}  // namespace sluice::postgres
