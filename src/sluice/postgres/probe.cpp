// What `sluice doctor` looks at: nothing here changes anything.
#include <algorithm>

#include "sluice/postgres/database.hpp"
#include "sluice/postgres/refusals.hpp"
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

constexpr const char* reject_rights = "SELECT,INSERT,UPDATE,DELETE";

// False: there is a finding. A table that is not there is none.
bool probe_rights(Connection& connection, const std::string& quoted_table, const std::string& wanted,
                  const std::string& what, std::vector<Finding>& findings) {
  const Reply lacking = connection.ask(
      "select pg_catalog.string_agg(p, ', ') from pg_catalog.unnest(pg_catalog.string_to_array($2, ',')) p "
      "where not pg_catalog.has_table_privilege(pg_catalog.to_regclass($1), p)",
      Parameters().text(quoted_table).text(wanted));
  if (!lacking) {
    add(findings, connection.error(lacking.error(), "look up rights on " + what));
    return false;
  }
  if (lacking->is_null(0, 0)) return true;
  const std::string user = quoted(connection.user());
  findings.push_back({Level::bad, connection.where() + ": user " + user + " lacks rights on " + what,
                      "GRANT " + lacking->text(0, 0) + " ON " + quoted_table + " TO " + user});
  return false;
}

// Of a table that is not there: whether the role may make it. The run makes its schema, too.
void probe_making(Connection& connection, const TableName& table, const std::string& what,
                  std::vector<Finding>& findings) {
  const Reply rights = connection.ask(
      "select n.nspname, pg_catalog.has_schema_privilege(n.oid, 'CREATE') and pg_catalog.has_schema_privilege(n.oid, "
      "'USAGE'), pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') from (select 1) one left "
      "join pg_catalog.pg_namespace n on n.nspname = coalesce(nullif($1, ''), pg_catalog.current_schema())",
      Parameters().text(table.schema));
  if (!rights) return add(findings, connection.error(rights.error(), "look up rights"));
  const std::string user = quoted(connection.user());
  if (!rights->is_null(0, 0) && !rights->flag(0, 1)) {
    const std::string schema = quoted(rights->text(0, 0));
    findings.push_back({Level::bad,
                        connection.where() + ": user " + user + " may not make " + what + " in schema " + schema,
                        "GRANT USAGE, CREATE ON SCHEMA " + schema + " TO " + user});
  } else if (rights->is_null(0, 0) && !rights->flag(0, 2)) {
    findings.push_back({Level::bad, connection.where() + ": user " + user + " may not make the schema of " + what,
                        "let its owner run CREATE SCHEMA " + quoted(table.schema) + " AUTHORIZATION " + user +
                            ", or name a schema that is there"});
  }
}

// What runs do with each table of the ledger.
std::vector<std::pair<const char*, const char*>> ledger_rights(const DatabaseUse& use) {
  std::vector<std::pair<const char*, const char*>> rights{{"flow", "SELECT,INSERT"},
                                                          {"run", "SELECT,INSERT,UPDATE"},
                                                          {"reject", reject_rights},
                                                          {"key_check", "SELECT,INSERT"}};
  if (!std::ranges::all_of(use.targets, &Target::from_objects)) rights.emplace_back("message", "SELECT,INSERT,DELETE");
  if (std::ranges::any_of(use.targets, &Target::from_objects)) {
    for (const char* table : {"object", "chunk"}) rights.emplace_back(table, "SELECT,INSERT,DELETE");
    rights.emplace_back("target", "SELECT,INSERT,UPDATE");
  }
  return rights;
}

void probe_ledger(Connection& connection, const LedgerNames& names, const DatabaseUse& use,
                  std::vector<Finding>& findings) {
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
    for (const auto& [table, wanted] : ledger_rights(use)) {
      if (!probe_rights(connection, names.of(table), wanted, "the ledger's table " + names.of(table), findings)) return;
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

// Where a flow keeps its rejects by a name of its own.
void probe_rejects(Connection& connection, const TableName& rejects, std::vector<Finding>& findings) {
  const Result<std::optional<Table>> table = describe(connection, rejects);
  const std::string what = "the table of rejects " + quoted(rejects);
  if (!table) return add(findings, table.error());
  if (!*table) return probe_making(connection, rejects, what, findings);
  probe_rights(connection, quoted((*table)->name), reject_rights, what, findings);
}

void probe_model(Connection& connection, const ModelTable& model, std::vector<Finding>& findings) {
  const Reply there = connection.ask(
      "select pg_catalog.to_regclass($1)::oid, pg_catalog.pg_has_role(c.relowner, "
      "'USAGE') from (select 1) one left join pg_catalog.pg_class c on c.oid = "
      "pg_catalog.to_regclass($1)",
      Parameters().text(quoted(model.table)));
  const std::string what = "the model's table " + quoted(model.table);
  if (!there) return add(findings, connection.error(there.error(), "look at " + what));
  if (there->is_null(0, 0)) return probe_making(connection, model.table, what, findings);
  if (model.materialize != Materialize::view) {
    probe_rights(connection, quoted(model.table),
                 model.materialize == Materialize::upsert ? "SELECT,INSERT,UPDATE" : "SELECT,INSERT,DELETE", what,
                 findings);
  } else if (!there->flag(0, 1)) {
    const std::string user = quoted(connection.user());
    findings.push_back({Level::bad,
                        connection.where() + ": view " + quoted(model.table) + " is not owned by user " + user +
                            ", so that a run may not change it",
                        "ALTER VIEW " + quoted(model.table) + " OWNER TO " + user});
  }
}

// A SELECT fills a temporary table first. The right belongs to everybody, until somebody takes it away.
void probe_temporary(Connection& connection, const std::vector<ModelTable>& models, std::vector<Finding>& findings) {
  if (std::ranges::all_of(models, [](const ModelTable& one) { return one.materialize == Materialize::view; })) return;
  const Result<bool> may = may_make_temporary(connection);
  if (!may) return add(findings, may.error());
  if (*may) return;
  findings.push_back(
      {Level::bad,
       connection.where() + ": user " + quoted(connection.user()) + " may not make temporary tables, which models need",
       temporary_grant(connection)});
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
  if (!use.targets.empty() || use.turns) probe_ledger(**connection, ledger_.names(), use, findings);
  for (auto finding = findings.begin() + before; finding != findings.end(); ++finding) {
    if (!use.targets.empty() || finding->level != Level::bad) continue;
    finding->level = Level::warning;
    finding->what += ", where `sluice serve` keeps the turns of the schedule; `sluice run` needs no ledger here";
  }
  for (const Target& target : use.targets) {
    probe_table(**connection, target, findings);
    if (target.rejects) probe_rejects(**connection, *target.rejects, findings);
  }
  probe_temporary(**connection, use.models, findings);
  for (const ModelTable& model : use.models) probe_model(**connection, model, findings);
  return findings;
}

}  // namespace sluice::postgres
