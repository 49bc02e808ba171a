// One connection to a server. Statements come back as an Answer or a ServerError; nothing here knows tables.
//
// Nothing relies on the state of a session, so that a transaction pooler may stand in between: no named
// statements, no session locks, settings by SET LOCAL.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/postgres/connect_options.hpp"
#include "sluice/postgres/errors.hpp"

namespace sluice::postgres {

class Answer {
 public:
  Answer() = default;
  explicit Answer(PGresult* result) : result_(result) {}

  std::size_t rows() const;
  std::size_t columns() const;
  bool is_null(std::size_t row, std::size_t column) const;
  std::string_view bytes(std::size_t row, std::size_t column) const;
  std::string text(std::size_t row, std::size_t column) const { return std::string(bytes(row, column)); }
  bool flag(std::size_t row, std::size_t column) const { return bytes(row, column) == "t"; }
  std::int64_t integer(std::size_t row, std::size_t column) const;  // 0 where it is NULL
  std::string name(std::size_t column) const;
  std::uint32_t type(std::size_t column) const;  // its object id; of a domain what it is made of
  std::int32_t typmod(std::size_t column) const;
  std::uint64_t affected() const;
  ExecStatusType status() const { return PQresultStatus(result_.get()); }
  const PGresult* get() const { return result_.get(); }
  std::string_view command() const;  // "COMMIT", "ROLLBACK", "INSERT 0 1"

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

using Reply = tl::expected<Answer, ServerError>;

// The parameters $1, $2, ... of one statement.
class Parameters {
 public:
  Parameters& text(std::string_view value);
  Parameters& null();
  Parameters& integer(std::int64_t value) { return text(std::to_string(value)); }
  Parameters& keys(const std::vector<Key>& keys);                  // uuid[]
  Parameters& texts(const std::vector<std::string_view>& texts);   // text[]; UTF-8 without NUL
  Parameters& bytes(const std::vector<std::string_view>& values);  // bytea[]
  Parameters& key(const Key& key);                                 // uuid

 private:
  friend class Connection;
  struct One {
    Oid type = 0;
    std::string value;
    bool binary = false;
    bool is_null = false;
  };
  Parameters& array(Oid type, Oid element, const std::vector<std::string_view>& values);
  std::vector<One> all_;
};

class Connection {
 public:
  // Tries the hosts in turn. `application` is what the server's own lists call us.
  static Result<Connection> open(const ConnectOptions& options, const std::string& application, const Clock& clock);

  bool alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
  // Asked before a connection that lay idle is used again. What a server says without being asked is, as a
  // rule, that it closes; a new connection costs less than to find out.
  bool usable_after_idling() const;
  bool in_transaction() const { return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE; }
  int server_version() const { return PQserverVersion(connection_.get()); }  // 150004 is 15.4
  bool encrypted() const { return PQsslInUse(connection_.get()) != 0; }
  std::string user() const;
  std::string database() const;
  const std::string& where() const { return where_; }
  int socket() const { return PQsocket(connection_.get()); }

  // Statements without parameters, several by semicolons; stops at the first that fails and gives the
  // last result.
  Reply run(const std::string& sql);
  Reply ask(const std::string& sql, const Parameters& parameters, bool binary_answer = false);

  // As run(), where the last statement is a COPY ... FROM STDIN. The answer is the last one with rows.
  Reply start_copy(const std::string& sql);
  Reply put(std::string_view bytes);
  Reply end_copy();

  // One statement, read and planned no further: the answer has its columns and no rows.
  Reply describe(const std::string& sql);

  // One COPY ... TO STDOUT. The answer is empty.
  Reply start_copy_out(const std::string& sql);
  // The next message, a row as a rule, valid until the next call; empty at the end, with the server's word that this
  // was all.
  tl::expected<std::string_view, ServerError> take();

  // Ends the COPY that the server is in the middle of: the transaction can go back to a savepoint then. False: it does
  // not stop, or is lost.
  bool cancel();

  // Lets go of the server in the middle of what it does; the connection is gone.
  void abandon() { connection_.reset(); }

  // Two halves of run(), for the statement whose reply may be lost.
  Reply send(const std::string& sql);
  Reply receive();

  Error error(const ServerError& from, std::string_view what) const { return to_error(from, where_, what); }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Handle = std::unique_ptr<PGconn, Finish>;
  Connection(Handle connection, std::string where) : connection_(std::move(connection)), where_(std::move(where)) {}
  static Result<Handle> open_one(const ConnectOptions& options, const Host& host, const std::string& application,
                                 const Clock& clock);
  ServerError error_of(const PGresult* result);
  void drain();

  struct FreeMemory {
    void operator()(char* memory) const { PQfreemem(memory); }
  };

  Handle connection_;
  std::unique_ptr<char, FreeMemory> taken_;
  std::string where_;  // "postgres localhost:5432"
  ServerError last_;   // that broke a transaction: what follows in it only says so
};

}  // namespace sluice::postgres
