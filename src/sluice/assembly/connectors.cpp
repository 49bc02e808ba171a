#include "sluice/assembly/connectors.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "sluice/aws/s3_options.hpp"
#include "sluice/aws/s3_store.hpp"
#include "sluice/aws/sqs_options.hpp"
#include "sluice/aws/sqs_queue.hpp"
#include "sluice/local/duckdb_database.hpp"
#include "sluice/local/folder_store.hpp"
#include "sluice/local/spool.hpp"
#include "sluice/postgres/open.hpp"

namespace sluice::assembly {
namespace {

using project::Role;

constexpr std::array connector_table{
    Connector{.kind = {"sqs", Role::queue, aws::sqs_options, "an Amazon SQS queue: its name, URL or ARN"},
              .open_queue = &aws::open_sqs},
    Connector{.kind = {"spool", Role::queue, local::spool_options, "a local folder that behaves as a queue"},
              .open_queue = &local::open_spool},
    Connector{.kind = {"s3", Role::object_store, aws::s3_options, "an Amazon S3 bucket: its name, ARN or s3:// URL",
                       &aws::s3_far_end},
              .open_objects = &aws::open_s3},
    Connector{.kind = {"files", Role::object_store, local::files_options, "a local folder that behaves as a bucket",
                       &local::files_far_end},
              .open_objects = &local::open_files},
    Connector{.kind = {"postgres", Role::database, postgres::postgres_options,
                       "a PostgreSQL database: a URL or libpq's keywords", &postgres::postgres_far_end, "public"},
              .open_database = &postgres::open_postgres},
    Connector{.kind = {"duckdb", Role::database, local::duckdb_options, "a DuckDB file", &local::duckdb_far_end, "main",
                       true},
              .open_database = &local::open_duckdb},
};

const Connector& row_of(const project::Connection& connection) {
  const auto found =
      std::ranges::find(connector_table, connection.kind->name, [](const Connector& row) { return row.kind.name; });
  assert(found != connector_table.end());
  return *found;
}

}  // namespace

std::span<const Connector> connectors() { return connector_table; }

std::span<const project::ConnectorKind> connector_kinds() {
  static const std::vector<project::ConnectorKind> kinds = [] {
    std::vector<project::ConnectorKind> made;
    for (const Connector& row : connector_table) made.push_back(row.kind);
    return made;
  }();
  return kinds;
}

Result<std::unique_ptr<Queue>> open_queue(const project::Connection& connection, const Clock& clock) {
  return row_of(connection).open_queue(connection.settings, clock);
}

Result<std::unique_ptr<Database>> open_database(const project::Connection& connection, const Clock& clock) {
  return row_of(connection).open_database(connection.settings, clock);
}

Result<std::unique_ptr<ObjectStore>> open_objects(const project::Connection& connection, const Clock& clock) {
  return row_of(connection).open_objects(connection.settings, clock);
}

}  // namespace sluice::assembly
