#include "sluice/postgres/snapshot.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include "sluice/core/log.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/part_reader.hpp"
#include "sluice/postgres/refusals.hpp"
#include "sluice/postgres/sql.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

// Only tables, partitioned tables and views can be locked by name.
constexpr const char* locked_sql = R"(
select distinct c.oid, n.nspname, c.relname, c.relkind, pg_catalog.has_table_privilege(c.oid, 'SELECT')
from pg_catalog.pg_locks l
join pg_catalog.pg_class c on c.oid = l.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and c.relkind in ('r', 'p', 'v') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by c.oid)";

struct Lockable {
  TableName name;
  bool view = false;
  bool may_read = false;
};
using Tables = std::map<std::int64_t, Lockable>;  // by object id

constexpr const char* read_savepoint = "sluice_read";

std::string read_sql(const ReadQuery& query) {
  return query.sql.empty() ? "select * from " + quoted(query.table) : query.sql;
}

// All parts of a query, one after the other, by the connection of the snapshot.
class WholeReader final : public RowReader {
 public:
  WholeReader(Connection& connection, const ReadPlan& plan, const ReadParts& parts)
      : connection_(connection), plan_(plan), parts_(parts) {}

  // The first part.
  Result<void> start() {
    Result<std::unique_ptr<RowReader>> reader = open_copy_reader(connection_, plan_, parts_.sql(part_));
    if (!reader) return fail(with_column(std::move(reader).error()));
    reader_ = *std::move(reader);
    return {};
  }
  Result<bool> next(Batch& batch) override {
    while (true) {
      Result<bool> more = reader_->next(batch);
      if (!more) return fail(with_column(std::move(more).error()));
      if (*more) return true;
      if (part_ + 1 == parts_.count()) return false;
      reader_.reset();
      ++part_;
      SLUICE_CHECK(start());
    }
  }

 private:
  // At the same moment: behind the savepoint the rows are those that could not be read.
  Error with_column(Error error) {
    if (error.fault != Fault::data || !connection_.run(std::string("rollback to savepoint ") + read_savepoint))
      return error;
    if (const std::string column = column_not_computed(connection_, parts_.sql(part_)); !column.empty())
      error.message += ", column \"" + column + "\"";
    return error;
  }

  Connection& connection_;
  const ReadPlan& plan_;
  const ReadParts& parts_;
  std::size_t part_ = 0;
  std::unique_ptr<RowReader> reader_;
};

class TableSnapshot final : public Snapshot {
 public:
  TableSnapshot(Connection connection, std::vector<ReadQuery> queries, FurtherReaders further)
      : connection_(std::move(connection)), queries_(std::move(queries)), further_(std::move(further)) {}
  ~TableSnapshot() override {
    if (connection_.alive()) static_cast<void>(connection_.run("rollback"));
  }
  TableSnapshot(const TableSnapshot&) = delete;
  TableSnapshot& operator=(const TableSnapshot&) = delete;

  Result<void> start() {
    constexpr int attempts = 5;
    for (int attempt = 0; attempt < attempts; ++attempt) {
      SLUICE_TRY(const Tables tables, find_tables());
      SLUICE_TRY(const bool held, lock_and_look(tables));
      if (held) return {};
    }
    return fail(Fault::transient, connection_.where() + ": the tables of the queries are being made anew all the time",
                "run again when nobody changes tables");
  }

  const std::shared_ptr<const Schema>& columns(std::size_t query) const override { return plans_[query].columns; }
  Result<std::unique_ptr<RowReader>> open(std::size_t query) override {
    SLUICE_CHECK(mend());
    SLUICE_CHECK(must(connection_.run(std::string("savepoint ") + read_savepoint), "set a savepoint"));
    savepoint_ = true;
    auto reader = std::make_unique<WholeReader>(connection_, plans_[query], parts_[query]);
    SLUICE_CHECK(reader->start());
    return std::unique_ptr<RowReader>(std::move(reader));
  }

  Result<PartedRows> open_parts(std::size_t query) override {
    const ReadParts& parts = parts_[query];
    PartedRows out;
    if (parts.readers < 2) return out;
    SLUICE_CHECK(mend());
    if (exported_.empty()) {
      SLUICE_TRY(const Answer name,
                 must(connection_.run("select pg_catalog.pg_export_snapshot()"), "export the snapshot"));
      exported_ = name.text(0, 0);
    }
    while (out.readers.size() < parts.readers) {
      Result<std::unique_ptr<PartReader>> reader = open_part(query);
      if (!reader) {
        if (queries_[query].readers > 0) return fail(std::move(reader).error());
        log::warning("fewer readers than there could be",
                     {{"readers", std::to_string(out.readers.size())}, {"error", reader.error().text()}});
        break;
      }
      if (*reader == nullptr) {
        log::warning("fewer readers than there could be: somebody waits to empty or alter a table",
                     {{"readers", std::to_string(out.readers.size())}, {"table", queries_[query].table.text()}});
        break;
      }
      out.readers.push_back(*std::move(reader));
    }
    if (out.readers.size() < 2) return PartedRows{};
    out.parts = parts.count();
    return out;
  }
  std::string name() const override { return name_; }

 private:
  // What the server refused of one query does not end the moment for the others. Without the savepoint, since a
  // snapshot cannot be exported inside one.
  Result<void> mend() {
    if (!connection_.alive()) {
      return fail(Fault::transient,
                  connection_.where() + ": the moment that the exports of this run share is gone with its connection",
                  "run again");
    }
    if (!savepoint_) return {};
    savepoint_ = false;
    const std::string name = read_savepoint;
    SLUICE_CHECK(must(connection_.run("rollback to savepoint " + name + "; release savepoint " + name),
                      "go back to a savepoint"));
    return {};
  }

  Result<Answer> must(Reply reply, const std::string& what) const {
    if (!reply) return fail(connection_.error(reply.error(), what));
    return std::move(*reply);
  }

  Result<std::unique_ptr<PartReader>> open_part(std::size_t query) {
    SLUICE_TRY(Connection connection, further_.connect());
    return open_part_reader(std::move(connection), plans_[query], parts_[query], exported_);
  }

  // The line in the project's file, where the server tells the place.
  Error of_query(const ServerError& error, const ReadQuery& query, int ahead) const {
    Place place = query.place;
    const int position = error.position - ahead;
    if (position > 0 && !query.sql.empty()) {
      const auto end =
          query.sql.begin() + static_cast<std::ptrdiff_t>(bytes_of(query.sql, static_cast<std::size_t>(position - 1)));
      const auto lines = static_cast<int>(std::count(query.sql.begin(), end, '\n'));
      place.line += lines;
      if (lines > 0) place.column = 1;
    }
    Error out = reading_error(connection_, error, place.text() + ": query");
    if (error.sqlstate.starts_with("42") && !error.is("42501")) out.fault = Fault::config;
    return out;
  }

  static Error no_select(const ReadQuery& query) {
    return {Fault::config, query.place.text() + ": query: it must be one SELECT, which changes nothing"};
  }

  // Reads and plans every query: the locks that takes are those that reading it will take.
  Result<void> plan_all(std::vector<ReadPlan>* plans) {
    for (const ReadQuery& query : queries_) {
      const std::string sql = read_sql(query);
      const Reply described = connection_.describe(sql);
      if (!described) {
        // Of several statements the server tells no place.
        if (described.error().is("42601") && described.error().position == 0) return fail(no_select(query));
        return fail(of_query(described.error(), query, 0));
      }
      SLUICE_TRY(ReadPlan plan, plan_read(*described, query.place));
      // As a subquery, which nothing but a SELECT can be.
      const std::string explain = "explain select * from (";
      const Reply planned = connection_.ask(explain + sql + "\n) as q", Parameters());
      // What stands alone, but not there: DELETE ... RETURNING, or a WITH that changes rows.
      if (!planned && (planned.error().is("42601") || planned.error().is("0A000"))) return fail(no_select(query));
      if (!planned) return fail(of_query(planned.error(), query, static_cast<int>(explain.size())));
      if (plans != nullptr) plans->push_back(std::move(plan));
    }
    return {};
  }

  Result<Tables> held_tables() {
    SLUICE_TRY(const Answer found, must(connection_.ask(locked_sql, Parameters()), "look at locks"));
    Tables tables;
    for (std::size_t row = 0; row < found.rows(); ++row) {
      tables.emplace(
          found.integer(row, 0),
          Lockable{{found.text(row, 1), found.text(row, 2)}, found.bytes(row, 3) == "v", found.flag(row, 4)});
    }
    return tables;
  }

  Result<Tables> find_tables() {
    SLUICE_CHECK(must(connection_.run(std::string("begin read only;") + read_settings_sql), "begin to read"));
    SLUICE_CHECK(plan_all(nullptr));
    SLUICE_TRY(Tables tables, held_tables());
    SLUICE_CHECK(must(connection_.run("rollback"), "roll back"));
    return tables;
  }

  // False: a query reads another table than the ones that were locked, since somebody has changed it meanwhile.
  Result<bool> lock_and_look(const Tables& tables) {
    plans_.clear();
    std::string list;
    for (const auto& [id, table] : tables) {
      // What may not be read directly stands behind a view, and is locked with it; before server 11 views cannot be.
      if (!table.may_read || (table.view && connection_.server_version() < 110000)) continue;
      list += (list.empty() ? "lock table " : ", ") + quoted(table.name);
    }
    SLUICE_CHECK(
        must(connection_.run(std::string("begin isolation level repeatable read, read only;") + read_settings_sql),
             "begin to read"));
    if (!list.empty()) {
      Reply locked = connection_.run(list + " in access share mode");
      if (!locked && (locked.error().is("42P01") || locked.error().is("3F000"))) {  // dropped since it was found
        static_cast<void>(connection_.run("rollback"));
        return false;
      }
      SLUICE_CHECK(must(std::move(locked), "lock the tables of the queries"));
    }
    // The first statement that looks at rows, even those of the catalogue, fixes the moment: from here on it is fixed.
    SLUICE_TRY(const Tables before, held_tables());
    SLUICE_CHECK(plan_all(&plans_));
    SLUICE_TRY(const Tables after, held_tables());
    for (const auto& [id, table] : after) {
      if (before.contains(id)) continue;
      if (tables.contains(id)) {
        return fail(Fault::denied,
                    connection_.where() + ": table \"" + table.name.text() + "\" cannot be locked, since user \"" +
                        connection_.user() + "\" may read only some of its columns",
                    "GRANT SELECT ON " + quoted(table.name) + " TO " + quoted(connection_.user()) +
                        ", or read it through a view");
      }
      static_cast<void>(connection_.run("rollback"));
      return false;
    }
    const char* name_sql = connection_.server_version() < 130000 ? "select txid_current_snapshot()::text"
                                                                 : "select pg_current_snapshot()::text";
    SLUICE_TRY(const Answer name, must(connection_.run(name_sql), "name the snapshot"));
    name_ = name.text(0, 0);
    const PartLimits limits{further_.most, [&after](std::int64_t id) { return after.contains(id); }};
    parts_.clear();
    for (std::size_t i = 0; i < queries_.size(); ++i) {
      SLUICE_TRY(ReadParts parts, plan_parts(connection_, queries_[i], *plans_[i].columns, limits));
      parts_.push_back(std::move(parts));
    }
    return true;
  }

  Connection connection_;
  std::vector<ReadQuery> queries_;
  FurtherReaders further_;
  std::vector<ReadPlan> plans_;
  std::vector<ReadParts> parts_;
  bool savepoint_ = false;
  std::string name_;
  std::string exported_;  // what other connections call this moment; empty: none has asked
};

}  // namespace

Result<std::unique_ptr<Snapshot>> open_table_snapshot(Connection connection, std::vector<ReadQuery> queries,
                                                      FurtherReaders further) {
  auto snapshot = std::make_unique<TableSnapshot>(std::move(connection), std::move(queries), std::move(further));
  SLUICE_CHECK(snapshot->start());
  return std::unique_ptr<Snapshot>(std::move(snapshot));
}

Result<std::unique_ptr<Snapshot>> TableDatabase::open_snapshot(std::vector<ReadQuery> queries) {
  SLUICE_CHECK(session_.connection());  // a server that is too old is refused there
  // The snapshot may outlive this.
  const auto connect = [options = session_.options(), application = session_.application(), &clock = session_.clock()] {
    return Connection::open(options, application, clock);
  };
  SLUICE_TRY(Connection connection, connect());
  // Encoding, and often the server, want the other cores: measured on two, with the server beside, a second reader
  // makes an export slower.
  const std::size_t readers = std::max(1U, std::thread::hardware_concurrency() / 2);
  return open_table_snapshot(std::move(connection), std::move(queries), {connect, std::min(readers, sinks_max_)});
}

Result<std::optional<RelationShape>> TableDatabase::shape_of(const TableName& name) {
  SLUICE_TRY(Connection * connection, session_.connection());
  SLUICE_TRY(const std::optional<Table> table, describe(*connection, name));
  if (!table) return std::optional<RelationShape>();
  RelationShape shape{table->name, {}, table->kind == 'v' || table->kind == 'm' || table->kind == 'f'};
  for (const Column& column : table->columns)
    shape.columns.push_back({column.name, way_of(column.type, column.typmod).type});
  const Reply relatives = connection->ask(R"(
with recursive above(id) as (
  select $1::oid union select i.inhparent from pg_catalog.pg_inherits i join above on i.inhrelid = above.id),
below(id) as (
  select $1::oid union select i.inhrelid from pg_catalog.pg_inherits i join below on i.inhparent = below.id)
select n.nspname, c.relname
from (select id from above union select id from below) t
join pg_catalog.pg_class c on c.oid = t.id join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where t.id <> $1::oid)",
                                          Parameters().integer(table->id));
  if (!relatives) return fail(connection->error(relatives.error(), "look up what inherits from " + name.text()));
  for (std::size_t row = 0; row < relatives->rows(); ++row)
    shape.relatives.push_back({relatives->text(row, 0), relatives->text(row, 1)});
  return std::optional<RelationShape>(std::move(shape));
}

Result<std::vector<std::string>> TableDatabase::own_functions() {
  SLUICE_TRY(Connection * connection, session_.connection());
  const Reply found = connection->ask(R"(
select distinct lower(p.proname::text) from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname not in ('pg_catalog', 'information_schema')
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))",
                                      Parameters());
  if (!found) return fail(connection->error(found.error(), "look up functions"));
  std::vector<std::string> names;
  for (std::size_t row = 0; row < found->rows(); ++row) names.push_back(found->text(row, 0));
  return names;
}

}  // namespace sluice::postgres
