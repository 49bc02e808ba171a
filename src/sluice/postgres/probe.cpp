// What `sluice doctor` looks at: nothing here changes anything.
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

using Level = Finding::Level;

void add(std::vector<Finding>& findings, const Error& error) {
  findings.push_back({Level::bad, error.message, error.hint});
}

std::string version_text(int version) {
  return std::to_string(version / 10000) + "." + std::to_string(version % 10000);
}

void probe_server(Connection& connection, const ConnectOptions& options, bool written, std::vector<Finding>& findings) {
  const std::string& where = connection.where();
  findings.push_back({Level::good, where + ": PostgreSQL " + version_text(connection.server_version()) +
                                       ", database \"" + connection.database() + "\", user \"" + connection.user() +
                                       "\"" + (connection.encrypted() ? ", encrypted" : "")});
  const Host& host = options.hosts.front();
  const std::string* mode = options.find("sslmode");
  if (!host.is_local() && (mode == nullptr || *mode != "verify-full")) {
    findings.push_back(
        {Level::warning,
         where + ": the server's identity is not verified (sslmode " + (mode == nullptr ? "of PGSSLMODE" : *mode) + ")",
         "leave sslmode out, or set it to verify-full"});
  }
  const Reply settings = connection.run(
      "select pg_catalog.current_setting('fsync'), pg_catalog.current_setting('full_page_writes'), "
      "pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('server_encoding')");
  if (!settings) return add(findings, connection.error(settings.error(), "read settings"));
  if (!written) return;  // what is only read may be a standby, in any encoding
  if (settings->bytes(0, 0) == "off" || settings->bytes(0, 1) == "off") {
    findings.push_back(
        {Level::warning,
         where + ": fsync or full_page_writes is off: a crash of the machine may lose what was committed",
         "turn both on for a server whose rows matter"});
  }
  if (settings->bytes(0, 2) == "on") {
    findings.push_back(
        {Level::bad, where + ": the server takes no writes", "name its primary, or wait until the failover is over"});
  }
  if (settings->bytes(0, 3) != "UTF8") {
    findings.push_back({Level::warning,
                        where + ": the database's encoding is " + settings->text(0, 3) +
                            ": a text that it lacks characters for becomes a reject",
                        "use a database of encoding UTF8"});
  }
}

void probe_ledger(Connection& connection, const LedgerNames& names, std::vector<Finding>& findings) {
  const std::string& where = connection.where();
  const std::string in_schema = "the ledger's schema \"" + names.schema() + "\"";
  const Result<int> version = ledger_version_of(connection, names);
  if (!version) return add(findings, version.error());
  const Reply rights = connection.ask(
      "select exists (select from pg_catalog.pg_namespace where nspname = $1), "
      "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), "
      "coalesce((select pg_catalog.has_schema_privilege(oid, 'CREATE') from pg_catalog.pg_namespace where nspname = "
      "$1), false)",
      Parameters().text(names.schema()));
  if (!rights) return add(findings, connection.error(rights.error(), "look up rights"));
  const std::string user = quoted(connection.user());
  if (*version > 0) {
    // What a run does with each of them.
    for (const auto& [table, wanted] :
         {std::pair("message", "SELECT,INSERT,DELETE"), std::pair("reject", "SELECT,INSERT,UPDATE,DELETE"),
          std::pair("run", "SELECT,INSERT,UPDATE"), std::pair("key_check", "SELECT,INSERT")}) {
      const Reply may = connection.ask(
          "select bool_and(pg_catalog.has_table_privilege(pg_catalog.to_regclass($1), p)) from "
          "unnest(pg_catalog.string_to_array($2, ',')) p",
          Parameters().text(names.of(table)).text(wanted));
      if (!may) return add(findings, connection.error(may.error(), "look up rights"));
      if (may->flag(0, 0)) continue;
      findings.push_back({Level::bad,
                          where + ": user " + user + " lacks rights on the ledger's table " + names.of(table),
                          std::string("GRANT ") + wanted + " ON " + names.of(table) + " TO " + user});
      return;
    }
    findings.push_back({Level::good, where + ": " + in_schema + " is there, version " + std::to_string(*version)});
  } else if (rights->flag(0, 0) ? rights->flag(0, 2) : rights->flag(0, 1)) {
    findings.push_back({Level::good, where + ": " + in_schema + " will be made by the first run"});
  } else if (rights->flag(0, 0)) {
    findings.push_back({Level::bad, where + ": user " + user + " may not make tables in " + in_schema,
                        "GRANT USAGE, CREATE ON SCHEMA " + quoted(names.schema()) + " TO " + user +
                            ", or name another schema by `ledger: SCHEMA`"});
  } else {
    findings.push_back({Level::bad, where + ": user " + user + " may not create " + in_schema,
                        "GRANT CREATE ON DATABASE " + quoted(connection.database()) + " TO " + user +
                            ", or name a schema in which it may create tables by `ledger: SCHEMA`"});
  }
}

void probe_table(Connection& connection, const Target& target, std::vector<Finding>& findings) {
  const Result<std::optional<Table>> table = describe(connection, target.table);
  if (!table) return add(findings, table.error());
  const std::string place = connection.where() + ": table \"" + target.table.text() + "\"";
  if (!*table) {
    if (target.create) {
      findings.push_back({Level::good, place + " is not there; the first run makes it"});
    } else {
      findings.push_back({Level::bad, place + " is not there", "make it, or give `create: FILE.sql`"});
    }
    return;
  }
  Result<Plan> plan = plan_for(connection, **table, target);
  if (!plan) return add(findings, plan.error());
  if (const Result<void> load = plan_load(connection, target, **table, *plan); !load)
    return add(findings, load.error());
  findings.push_back({Level::good, place + ": takes the " + std::to_string(target.columns.size()) +
                                       " columns of the select" +
                                       (plan->as_text ? ", in text form, which is slower" : "")});
  if ((*table)->unlogged) {
    findings.push_back({Level::warning,
                        place + " is UNLOGGED: a crash of the server empties it, and the ledger would not know",
                        "ALTER TABLE " + quoted((*table)->name) + " SET LOGGED"});
  }
  if ((*table)->triggers > 0) {
    findings.push_back(
        {Level::warning, place + " has " + std::to_string((*table)->triggers) +
                             " triggers: they run for every row, and what they refuse becomes a reject"});
  }
}

}  // namespace

std::vector<Finding> TableDatabase::probe(const DatabaseUse& use) {
  std::vector<Finding> findings;
  const Result<Connection*> connection = session_.connection();
  if (!connection) {
    add(findings, connection.error());
    return findings;
  }
  probe_server(**connection, session_.options(), use.written, findings);
  const auto before = static_cast<std::ptrdiff_t>(findings.size());
  if (!use.targets.empty() || use.turns) probe_ledger(**connection, ledger_.names(), findings);
  for (auto finding = findings.begin() + before; finding != findings.end(); ++finding) {
    if (!use.targets.empty() || finding->level != Level::bad) continue;
    finding->level = Level::warning;
    finding->what += ", where `sluice serve` keeps the turns of the schedule; `sluice run` needs no ledger here";
  }
  for (const Target& target : use.targets) probe_table(**connection, target, findings);
  return findings;
}

}  // namespace sluice::postgres
