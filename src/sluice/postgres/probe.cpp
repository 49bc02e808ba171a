#include "sluice/postgres/probe.hpp"

#include "sluice/postgres/encoder.hpp"

namespace sluice::postgres {
namespace {

using Level = Finding::Level;

class Probe {
 public:
  Probe(Connection& connection, const LedgerNames& names) : connection_(connection), names_(names) {}

  std::vector<Finding> look(const Target* target) {
    if (const auto reached = connection_.ensure(); !reached) {
      add(Level::bad, reached.error().message, reached.error().hint);
      return std::move(findings_);
    }
    const int version = connection_.server_version();
    add(Level::good, "PostgreSQL " + std::to_string(version / 10000) + "." + std::to_string(version % 10000) + " at " + connection_.where());
    look_at_session();
    look_at_ledger();
    if (target != nullptr) look_at_table(*target);
    return std::move(findings_);
  }

 private:
  void add(Level level, std::string what, std::string hint = {}) { findings_.push_back({level, std::move(what), std::move(hint)}); }

  // The first cell, or nothing after an error, which is then a finding.
  std::optional<std::string> ask(const std::string& sql, std::vector<Parameter> parameters = {}) {
    const auto rows = connection_.run(sql, parameters, "doctor");
    if (!rows) {
      add(Level::bad, rows.error().message, rows.error().hint);
      return std::nullopt;
    }
    if (PQntuples(rows->get()) == 0 || PQgetisnull(rows->get(), 0, 0) == 1) return std::string();
    return std::string(PQgetvalue(rows->get(), 0, 0));
  }

  void look_at_session() {
    if (const auto replica = ask("SELECT pg_is_in_recovery()"); replica == "t") {
      add(Level::bad, "the server is a replica and takes no writes", "connect to the primary (target_session_attrs=read-write with several hosts)");
    }
    if (PQsslInUse(connection_.get()) == 0 && PQhostaddr(connection_.get()) != nullptr) {
      const std::string address = PQhostaddr(connection_.get());
      if (!address.empty() && !address.starts_with("127.") && address != "::1") {
        add(Level::warning, "the connection to " + address + " is not encrypted", "use sslmode=verify-full");
      }
    }
    if (const auto commit = ask("SHOW synchronous_commit"); commit == "off") {
      add(Level::good, "synchronous_commit is off here; Sluice switches it on in its own transactions");
    }
    if (const auto fsync = ask("SHOW fsync"); fsync == "off") {
      add(Level::warning, "fsync is off: what the server has committed is lost when its machine fails", "switch fsync on");
    }
  }

  void look_at_ledger() {
    const auto there = ask("SELECT to_regclass($1) IS NOT NULL", {text(names_.table("version"))});
    if (there == "t") {
      const auto size = ask("SELECT pg_size_pretty(pg_total_relation_size(to_regclass($1)))", {text(names_.table("message"))});
      add(Level::good, "the ledger is in schema " + names_.plain + ", message keys take " + size.value_or("?"));
      return;
    }
    const auto schema = ask("SELECT count(*) FROM pg_namespace WHERE nspname = $1", {text(names_.plain)});
    const auto allowed = schema == "0" ? ask("SELECT has_database_privilege(current_database(), 'CREATE')")
                                       : ask("SELECT has_schema_privilege($1, 'CREATE')", {text(names_.plain)});
    if (allowed == "t") {
      add(Level::good, "the ledger will be made in schema " + names_.plain);
    } else if (allowed) {
      add(Level::bad, schema == "0" ? "this role may not make the ledger's schema " + names_.plain : "this role may not make tables in schema " + names_.plain,
          "GRANT CREATE " + std::string(schema == "0" ? "ON DATABASE" : "ON SCHEMA") + " to it, or name another schema by `ledger:` in the connection");
    }
  }

  void look_at_table(const Target& target) {
    const auto shape = describe(connection_, target.table);
    if (!shape) return add(Level::bad, shape.error().message, shape.error().hint);
    if (!*shape) {
      if (target.create) return add(Level::good, "table " + target.table.text() + " is missing; the first run makes it");
      return add(Level::bad, "there is no table " + target.table.text(), "make it, or let the flow make it by `create: FILE.sql` or `create: true`");
    }
    const auto encoder = RowEncoder::plan(target.columns, **shape);
    if (!encoder) return add(Level::bad, encoder.error().message, encoder.error().hint);
    add(Level::good, "table " + (*shape)->name + " takes the flow's columns" + (encoder->binary() ? "" : " (as text: it has a column of a type without a binary encoder)"));
    if (const auto allowed = ask("SELECT has_table_privilege(to_regclass($1), 'INSERT')", {text(quoted(target.table))}); allowed == "f") {
      add(Level::bad, "this role may not insert into " + (*shape)->name, "GRANT INSERT ON " + (*shape)->name + " to it");
    }
    if (const auto triggers = ask("SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgenabled <> 'D'", {text(quoted(target.table))});
        triggers && *triggers != "0") {
      add(Level::warning, "table " + (*shape)->name + " has " + *triggers + " triggers, which run for each row");
    }
  }

  Connection& connection_;
  const LedgerNames& names_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> probe_database(Connection& connection, const LedgerNames& names, const Target* target) {
  return Probe(connection, names).look(target);
}

}  // namespace sluice::postgres
