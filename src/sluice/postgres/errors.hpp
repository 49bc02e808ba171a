// What a server's refusal means, told without its message: PostgreSQL puts values of rows into the text,
// the DETAIL and the CONTEXT. What is kept are the SQLSTATE and the names of things.
#pragma once

#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::postgres {

struct ServerError {
  std::string sqlstate;  // empty: the connection was lost
  std::string schema{};  // of the table
  std::string table{};
  std::string column{};
  std::string constraint{};
  int position = 0;          // in the statement, in characters from 1; 0: not told
  std::string parse_text{};  // class 42 only: found while the statement was read, before any row

  bool lost() const { return sqlstate.empty(); }
  bool is(std::string_view state) const { return sqlstate == state; }
  // "unique_violation (23505), table "t", constraint "t_key"".
  std::string text() const;
};

// "unique_violation"; for a code that is not known here the name of its class, such as "data_exception".
std::string_view condition_name(std::string_view sqlstate);

Fault fault_of(const ServerError& error);

// True if another row might pass: the culprit is looked for and becomes a reject. Everything else (lost
// connection, full disk, missing right, changed table) would refuse every row.
bool is_about_a_row(const ServerError& error);

// `what` went wrong, `where`: "postgres db:5432: COPY into "t": disk_full (53100)".
Error to_error(const ServerError& error, std::string_view where, std::string_view what);

}  // namespace sluice::postgres
