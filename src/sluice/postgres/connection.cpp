#include "sluice/postgres/connection.hpp"

#include <cassert>
#include <cstdlib>

namespace sluice::postgres {
namespace {

void no_notices(void*, const PGresult*) {}  // they may quote values

bool is_near(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" || host.starts_with("127.") || host == "::1";
}

// Whether all hosts that the keywords lead to are this machine.
bool all_near(const std::map<std::string, std::string>& keywords) {
  const auto host = keywords.find("host");
  const auto address = keywords.find("hostaddr");
  std::string hosts = host != keywords.end() ? host->second : address != keywords.end() ? address->second : "";
  if (hosts.empty()) {
    if (const char* fallback = std::getenv("PGHOST")) hosts = fallback;
  }
  for (std::size_t at = 0; at <= hosts.size();) {
    const std::size_t end = std::min(hosts.find(',', at), hosts.size());
    if (!is_near(std::string_view(hosts).substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

// The URL taken apart by libpq, so that defaults can be put beside what it says.
Result<std::map<std::string, std::string>> keywords_of(const PostgresOptions& options) {
  if (options.url.empty()) return options.keywords;
  char* message = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(options.url.c_str(), &message);
  if (message != nullptr) PQfreemem(message);  // quotes the URL, and with it the password
  if (parsed == nullptr) {
    return fail(Fault::config, "the connection's URL is not what libpq takes", "write postgresql://user:password@host:port/database");
  }
  std::map<std::string, std::string> keywords;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords[option->keyword] = option->val;
  }
  PQconninfoFree(parsed);
  return keywords;
}

void add_defaults(std::map<std::string, std::string>& keywords, const std::string& application, std::chrono::seconds statement_timeout) {
  const auto otherwise = [&keywords](const char* name, std::string value) { keywords.emplace(name, std::move(value)); };
  if (!all_near(keywords) && std::getenv("PGSSLMODE") == nullptr) {
    otherwise("sslmode", "verify-full");
    if (std::getenv("PGSSLROOTCERT") == nullptr && !keywords.contains("sslrootcert")) otherwise("sslrootcert", "/etc/ssl/certs/ca-certificates.crt");
  }
  otherwise("connect_timeout", "10");
  // A server that is gone without a word is noticed within a minute.
  otherwise("keepalives_idle", "20");
  otherwise("keepalives_interval", "10");
  otherwise("keepalives_count", "3");
  otherwise("tcp_user_timeout", "60000");
  keywords["application_name"] = application.substr(0, 63);
  keywords["client_encoding"] = "UTF8";
  std::string& session = keywords["options"];
  if (session.empty()) session = "-c idle_in_transaction_session_timeout=300000";
  if (statement_timeout.count() > 0) session += " -c statement_timeout=" + std::to_string(statement_timeout.count()) + "s";
}

}  // namespace

Result<PostgresOptions> read_options(const Settings& settings) {
  PostgresOptions options;
  const Setting* target = settings.find("postgres");
  assert(target != nullptr);
  options.url = target->text;
  options.keywords = target->keywords;
  if (options.url.empty() && options.keywords.empty()) {
    return fail(Fault::config, target->place.text() + ": 'postgres' is empty", "give a URL, for example by setting DATABASE_URL");
  }
  options.ledger = settings.text("ledger", "sluice");
  if (options.ledger.empty() || options.ledger.size() > 63) {
    return fail(Fault::config, settings.find("ledger")->place.text() + ": 'ledger' is a schema's name of 1 to 63 bytes");
  }
  SLUICE_TRY(options.statement_timeout, settings.duration("statement_timeout", std::chrono::seconds(0)));
  SLUICE_CHECK(keywords_of(options));
  return options;
}

std::string quoted(std::string_view identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

std::string quoted(const TableName& name) {
  return name.schema.empty() ? quoted(name.table) : quoted(name.schema) + "." + quoted(name.table);
}

Connection::Connection(PostgresOptions options, std::string application)
    : options_(std::move(options)), application_(std::move(application)) {}

Result<void> Connection::ensure() {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return {};
  connection_.reset();
  SLUICE_TRY(auto keywords, keywords_of(options_));
  add_defaults(keywords, application_, options_.statement_timeout);
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
  if (!connection_) return fail(Fault::failed, "out of memory");
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    Error error = connect_error(connection_.get());
    connection_.reset();
    return fail(std::move(error));
  }
  PQsetNoticeReceiver(connection_.get(), no_notices, nullptr);
  if (server_version() < 100000) {
    const int version = server_version();
    connection_.reset();
    return fail(Fault::conflict, "the PostgreSQL server is of version " + std::to_string(version / 10000) + "; 10 is the oldest that works");
  }
  return {};
}

bool Connection::in_transaction() const {
  return connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

int Connection::server_version() const { return connection_ ? PQserverVersion(connection_.get()) : 0; }

std::string Connection::where() const {
  if (!connection_) return "PostgreSQL";
  return std::string(PQhost(connection_.get())) + ":" + PQport(connection_.get()) + "/" + PQdb(connection_.get());
}

Result<ResultSet> Connection::judged(PGresult* raw, std::string_view place, Wording wording) {
  ResultSet result(raw);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN || status == PGRES_EMPTY_QUERY) return result;
  return fail(error_of(result.get(), connection_.get(), place, wording));
}

Result<ResultSet> Connection::run(const std::string& sql, std::string_view place, Wording wording) {
  SLUICE_CHECK(ensure());
  return judged(PQexec(connection_.get(), sql.c_str()), place, wording);
}

Result<ResultSet> Connection::run(const std::string& sql, std::span<const Parameter> parameters, std::string_view place,
                                  bool binary_rows) {
  SLUICE_CHECK(ensure());
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const Parameter& parameter : parameters) {
    types.push_back(parameter.type);
    values.push_back(parameter.value ? parameter.value->data() : nullptr);
    lengths.push_back(parameter.value ? static_cast<int>(parameter.value->size()) : 0);
    formats.push_back(parameter.binary ? 1 : 0);
  }
  return judged(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(parameters.size()), types.data(), values.data(),
                             lengths.data(), formats.data(), binary_rows ? 1 : 0),
                place, Wording::state_only);
}

Result<void> Connection::copy_start(const std::string& sql, std::string_view place) {
  SLUICE_TRY(const ResultSet result, run(sql, place));
  if (PQresultStatus(result.get()) != PGRES_COPY_IN) return fail(Fault::failed, std::string(place) + ": the server does not start to copy");
  return {};
}

Result<void> Connection::copy_data(std::string_view bytes, std::string_view place) {
  if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1) return {};
  return fail(error_of(nullptr, connection_.get(), place));
}

Result<ResultSet> Connection::copy_end(std::string_view place) {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) return fail(error_of(nullptr, connection_.get(), place));
  ResultSet result(PQgetResult(connection_.get()));
  while (ResultSet more{PQgetResult(connection_.get())}) {
  }
  if (!result || (PQresultStatus(result.get()) != PGRES_COMMAND_OK && PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) == nullptr)) {
    return fail(error_of(nullptr, connection_.get(), place));
  }
  return result;
}

Result<void> Connection::send(const std::string& sql, std::string_view place) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 1 && PQflush(connection_.get()) == 0) return {};
  return fail(error_of(nullptr, connection_.get(), place));
}

Result<ResultSet> Connection::finish(std::string_view place) {
  ResultSet last;
  while (ResultSet result{PQgetResult(connection_.get())}) {
    last = std::move(result);
    if (PQresultStatus(last.get()) == PGRES_FATAL_ERROR) break;
  }
  while (ResultSet more{PQgetResult(connection_.get())}) {
  }
  if (!last) return fail(error_of(nullptr, connection_.get(), place));
  return judged(last.release(), place, Wording::state_only);
}

}  // namespace sluice::postgres
