// Connecting: host after host, within a time limit, with errors that say what to do.
#include <poll.h>

#include <algorithm>
#include <cctype>

#include "sluice/postgres/connection.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

using std::chrono::milliseconds;

void ignore_notice(void* /*unused*/, const PGresult* /*result*/) {}  // a notice may hold values

// With PQERRORS_SQLSTATE a server's refusal reads "... failed: FATAL:  28P01". Empty: the server did not speak.
std::string sqlstate_in(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.remove_suffix(1);
  const std::size_t space = message.rfind(' ');
  const std::string_view last = space == std::string_view::npos ? message : message.substr(space + 1);
  const bool is_code = last.size() == 5 && std::ranges::all_of(last, [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                       });
  return is_code && message.find(":  ") != std::string_view::npos ? std::string(last) : std::string();
}

// libpq's own words, first line, without the "connection to server at ... failed: " in front.
std::string own_words(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  if (const std::size_t failed = message.find(" failed: "); failed != std::string_view::npos) {
    message.remove_prefix(failed + 9);
  }
  std::string out(message);
  if (out.size() > 1 && std::isupper(static_cast<unsigned char>(out[0])) != 0 &&
      std::islower(static_cast<unsigned char>(out[1])) != 0) {
    out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
  }
  return presentable(out);
}

Error refused(const std::string& sqlstate, const Host& host, const std::string& user, const std::string& database) {
  const ServerError server{.sqlstate = sqlstate};
  const std::string where = "cannot connect to PostgreSQL at " + host.text() + ": ";
  if (sqlstate == "28P01") {
    return {Fault::denied, where + "the password of user \"" + user + "\" is wrong (28P01)",
            "check user and password of the connection, or PGPASSWORD"};
  }
  if (sqlstate == "28000") {
    return {Fault::denied, where + "the server does not let user \"" + user + "\" in (28000)",
            "the role may be missing, or pg_hba.conf has no line for it, this host and this kind of encryption"};
  }
  if (sqlstate == "3D000") {
    return {Fault::config, where + "there is no database \"" + database + "\" (3D000)",
            "make it by CREATE DATABASE " + quoted(database) + ", or mend the name"};
  }
  if (sqlstate == "42501") {
    return {Fault::denied, where + "user \"" + user + "\" may not connect to database \"" + database + "\" (42501)",
            "GRANT CONNECT ON DATABASE " + quoted(database) + " TO " + quoted(user)};
  }
  return {fault_of(server), where + server.text()};
}

Error unanswered(std::string_view message, const Host& host, const std::string& user) {
  const auto says = [message](std::string_view words) { return message.find(words) != std::string_view::npos; };
  Error error{Fault::transient, "cannot connect to PostgreSQL at " + host.text() + ": " + own_words(message)};
  if (says("no password supplied")) {
    error = {Fault::denied,
             "cannot connect to PostgreSQL at " + host.text() + ": user \"" + user + "\" needs a password",
             "give one in the connection, by PGPASSWORD or by ~/.pgpass"};
  } else if (says("certificate") || says("SSL") || says("GSSAPI")) {
    error.fault = Fault::denied;
    error.hint =
        "servers of other hosts are verified: name their authority by sslrootcert=FILE, or choose a weaker sslmode";
  } else if (says("not read-only") || says("read-only") || says("hot standby")) {
    error.hint = "the server takes no writes: name its primary, or wait until the failover is over";
  } else if (says("invalid") && (says("value") || says("option"))) {
    error.fault = Fault::config;
    error.message = "cannot connect to PostgreSQL at " + host.text() +
                    ": an option of the connection has a value that libpq does not take";
    error.hint = "compare with libpq's connection parameters";
  } else {
    error.hint = "check that the server runs there and that host and port are right";
  }
  return error;
}

}  // namespace

Result<Connection::Handle> Connection::open_one(const ConnectOptions& options, const Host& host,
                                                const std::string& application, const Clock& clock) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    names.push_back(name);
    values.push_back(value.c_str());
  };
  for (const auto& [name, value] : options.keywords) add(name.c_str(), value);
  add("host", host.name);
  add("hostaddr", host.address);
  add("port", host.port);
  if (options.find("application_name") == nullptr) add("application_name", application);
  names.push_back(nullptr);
  values.push_back(nullptr);

  Handle connection(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection) return fail(Fault::failed, "cannot connect to PostgreSQL at " + host.text() + ": out of memory");
  PQsetErrorVerbosity(connection.get(), PQERRORS_SQLSTATE);  // codes instead of texts, in any language
  PQsetNoticeReceiver(connection.get(), &ignore_notice, nullptr);
  const auto deadline = clock.steady() + options.connect_timeout;
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection.get()) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
    pollfd socket{PQsocket(connection.get()), static_cast<short>(next == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock.steady());
    if (left.count() <= 0 || poll(&socket, 1, static_cast<int>(left.count())) == 0) {
      return fail(Fault::transient,
                  "cannot connect to PostgreSQL at " + host.text() + ": no answer within " +
                      std::to_string(options.connect_timeout.count()) + " s",
                  "check host and port, and firewalls in between");
    }
    next = PQconnectPoll(connection.get());
  }
  if (PQstatus(connection.get()) == CONNECTION_OK) return connection;

  const char* user_text = PQuser(connection.get());
  const char* database_text = PQdb(connection.get());
  const std::string user = user_text == nullptr ? "" : user_text;
  const std::string database = database_text == nullptr ? "" : database_text;
  const std::string_view message = PQerrorMessage(connection.get());
  if (const std::string code = sqlstate_in(message); !code.empty()) return fail(refused(code, host, user, database));
  return fail(unanswered(message, host, user));
}

Result<Connection> Connection::open(const ConnectOptions& options, const std::string& application, const Clock& clock) {
  std::optional<Error> first;
  for (const Host& host : options.hosts) {
    Result<Handle> handle = open_one(options, host, application, clock);
    if (handle) return Connection(std::move(*handle), "postgres " + host.text());
    const bool pass = handle.error().retryable();
    if (!first || !pass) first = std::move(handle).error();
    if (!pass) break;  // another host would say the same of this user
  }
  if (options.hosts.size() > 1 && first->retryable()) {
    first->message += " (and " + std::to_string(options.hosts.size() - 1) + " more hosts)";
  }
  return fail(std::move(*first));
}

}  // namespace sluice::postgres
