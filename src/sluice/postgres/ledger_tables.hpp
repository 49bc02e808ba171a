// The ledger's tables: their names, how they are made and brought forward. See docs/ledger.md.
#pragma once

#include <string>

#include "sluice/core/database.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// Names for SQL, quoted, with the schema. In a schema of another name the tables get a prefix, since
// that schema may be full of the user's own: "sluice"."message", but "staging"."sluice_message".
class LedgerNames {
 public:
  explicit LedgerNames(std::string schema);

  const std::string& schema() const { return schema_; }
  std::string bare(std::string_view table) const;  // without quotes and schema
  std::string of(std::string_view table) const;    // quoted
  TableName name(std::string_view table) const { return {schema_, bare(table)}; }

 private:
  std::string schema_;
};

constexpr int ledger_version = 5;

Result<bool> has_schema(Connection& connection, const std::string& schema);
// What makes the schema, with a semicolon; empty where it is there (or none is named): CREATE SCHEMA IF NOT EXISTS asks
// for the right even then.
Result<std::string> schema_sql(Connection& connection, const std::string& schema);

// The version that is there; 0: none. An error if the tables are of a later one, or not ours.
Result<int> ledger_version_of(Connection& connection, const LedgerNames& names);

// Makes or migrates what is missing. Needs no right to create anything where all is there. Any number
// of processes may do this at once.
Result<void> make_ledger(Connection& connection, const LedgerNames& names);

// A table of the shape of the ledger's `reject`, made when it is missing, compared when it is there.
Result<void> make_rejects_table(Connection& connection, const TableName& name);

// The number under which messages of this flow stand; given out when the flow is new.
Result<std::int64_t> flow_number(Connection& connection, const LedgerNames& names, const std::string& project,
                                 const std::string& flow);

// Forgets which objects this table holds, since it was just made: those of this flow, and those of all flows that load
// into it. How many there were. It is one statement, and belongs into the transaction that makes the table.
Result<std::uint64_t> forget_objects(Connection& connection, const LedgerNames& names, const Target& target,
                                     const TableName& table);

// Notes that the flow's objects go into this table. Those that went into another one are forgotten, so that they are
// loaded again. Where an append would follow rows that are there already, that is a conflict instead: under another
// name it may be the same table.
Result<void> note_target(Connection& connection, const LedgerNames& names, std::int64_t flow, const Target& target,
                         const Table& table);

// Serializes the making of things until the transaction ends; behind a pooler, too.
std::string creation_lock();

}  // namespace sluice::postgres
