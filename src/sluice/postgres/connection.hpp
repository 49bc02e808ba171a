// One connection to a PostgreSQL server: statements, parameters, COPY.
//
// Made on first use and again after it was lost. Nothing here relies on session state, so that a transaction
// pooler may stand between. One thread uses it.
#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/postgres/errors.hpp"

namespace sluice::postgres {

struct PostgresOptions {
  std::string url;                              // or:
  std::map<std::string, std::string> keywords;  // libpq's
  std::string ledger = "sluice";                // the ledger's schema
  std::chrono::seconds statement_timeout{0};    // 0: the server's own
};

inline constexpr std::array postgres_options{
    Option{"postgres", OptionType::text_or_keywords, "a URL (postgresql://user:password@host/database) or libpq's keywords"},
    Option{"ledger", OptionType::text, "the schema of the ledger's tables (default sluice); one that is there, for a role that may not make one"},
    Option{"statement_timeout", OptionType::duration, "longest time of one statement (default: the server's)"},
};

Result<PostgresOptions> read_options(const Settings& settings);

struct ResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultSet = std::unique_ptr<PGresult, ResultCloser>;

std::string quoted(std::string_view identifier);  // "a""b"
std::string quoted(const TableName& name);        // "schema"."table"

// A parameter: text, or binary bytes of a type.
struct Parameter {
  std::optional<std::string> value;  // empty: NULL
  Oid type = 0;                      // 0: the server decides
  bool binary = false;
};
inline Parameter text(std::string value) { return {std::move(value)}; }

class Connection {
 public:
  // `application` stands in the server's list of sessions: "sluice/project/flow".
  Connection(PostgresOptions options, std::string application);

  // Connects where there is none that works.
  Result<void> ensure();
  void close() { connection_.reset(); }
  bool in_transaction() const;

  // One or several statements without parameters; the last one's rows.
  Result<ResultSet> run(const std::string& sql, std::string_view place, Wording wording = Wording::state_only);
  // One statement with parameters.
  Result<ResultSet> run(const std::string& sql, std::span<const Parameter> parameters, std::string_view place,
                        bool binary_rows = false);

  // COPY ... FROM STDIN: copy_start(sql), copy_data() as often as needed, copy_end(). What copy_end gives is the
  // server's verdict: a result that is no PGRES_COMMAND_OK is judged by the caller.
  Result<void> copy_start(const std::string& sql, std::string_view place);
  Result<void> copy_data(std::string_view bytes, std::string_view place);
  Result<ResultSet> copy_end(std::string_view place);

  // Sends a statement and does not wait; finish() reads what came back.
  Result<void> send(const std::string& sql, std::string_view place);
  Result<ResultSet> finish(std::string_view place);

  PGconn* get() const { return connection_.get(); }
  int server_version() const;  // 150004 for 15.4
  std::string where() const;   // host:port/database, for messages
  const PostgresOptions& options() const { return options_; }

 private:
  struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  Result<ResultSet> judged(PGresult* result, std::string_view place, Wording wording);

  PostgresOptions options_;
  std::string application_;
  std::unique_ptr<PGconn, Closer> connection_;
};

}  // namespace sluice::postgres
