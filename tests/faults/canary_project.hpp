// The canary's projects and their data: flows over every kind of source and sink, models in DuckDB and in PostgreSQL,
// and rows whose personal fields hold marks (canary_search.hpp), good ones and those that fail in every way we know.
#pragma once

#include <string>
#include <vector>

#include "wrong_bodies.hpp"
#include "wrong_contents.hpp"

namespace sluice::faults {

// A SELECT's expression over a person's columns that quotes a value when it fails.
struct FailingSql {
  std::string name;
  std::string sql;
};
const std::vector<FailingSql>& failing_duckdb();
const std::vector<FailingSql>& failing_postgres();

// Of one row, by the SQLSTATE it is refused with, in the words of a trigger.
const std::vector<std::string>& refusals();

std::string canary_yaml();  // everything that moves
// The models of one database: `bank` (DuckDB) or `vault` (PostgreSQL), both of which hold persons in clear.
std::string models_yaml(const std::string& connection);
struct NamedText {
  std::string name;
  std::string text;
};
// SQL, YAML and tests of the models, by file name.
std::vector<NamedText> model_files(const std::string& connection);

std::string people_sql();  // creates the tables of tokens
std::string bank_sql();    // DuckDB: persons in clear
std::string vault_sql();   // PostgreSQL: persons in clear, each constraint that quotes what it refuses

std::vector<std::string> people();        // messages: good ones, and those that break the record or a mask
std::vector<std::string> vault_people();  // those that the vault's constraints refuse, too
std::string people_csv();                 // the same, and rows that are no CSV
std::string one_person(const std::string& id);

// What stands in the personal fields of the lists shared with other tests.
Person marked_person();
Customers marked_customers();

}  // namespace sluice::faults
