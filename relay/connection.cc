// relay/connection.cc: see connection.h. The pump between protocol's machines and a transport:
// reads into the packet reader's buffer, hands out what it holds, and awaits only when it is empty.
#include "relay/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/packet_writer.h"
#include "relay/connection_impl.h"
#include "relay/hop_pool.h"

namespace tiderelay::relay {
namespace {

using protocol::ClientSession;
using protocol::ResponseReader;
using Kind = ResponseReader::Kind;

constexpr std::size_t kJoinedWriteBytes = 64 * 1024;  // up to here header and payload go as one
constexpr std::size_t kAuthReadBytes = 4096;
constexpr std::size_t kCompressAtOnceBytes = 1U << 20;
constexpr std::chrono::milliseconds kLastWordsTime{1000};

protocol::SessionOptions session_options(const ConnectOptions& options, bool allow_tls) {
  using Tls = protocol::SessionOptions::Tls;
  protocol::SessionOptions session;
  session.user = options.user;
  session.password = options.password;
  session.schema = options.schema;
  const bool hop = hop_port(options.host) != 0;  // is inside TLS already
  session.private_channel = options.host.starts_with('/') || hop;
  const auto mode = options.tls.mode;
  const bool optional = mode == TlsOptions::Mode::kPreferred && options.tls.allowed_names.empty();
  session.tls = optional ? Tls::kIfOffered : Tls::kAlways;
  if (mode == TlsOptions::Mode::kDisabled || session.private_channel || !allow_tls) {
    session.tls = Tls::kNever;
  }
  session.capabilities = (options.found_rows ? protocol::kFoundRows : 0) |
                         (options.multi_statements ? protocol::kMultiStatements : 0) |
                         (options.local_infile ? protocol::kLocalFiles : 0) |
                         (options.compress ? protocol::kCompress : 0);
  session.attributes.emplace_back("program_name", options.program_name);
  session.attributes.emplace_back("_client_name", "tiderelay");
  return session;
}

}  // namespace

ColumnInfo info_of(const protocol::ColumnDefinition& column) {
  ColumnInfo info;
  info.name = column.name;
  info.type = column.type;
  info.flags = column.flags;
  info.collation = column.collation;
  info.length = column.length;
  return info;
}

Connection::Connection(asio::any_io_executor loop, ConnectOptions options)
    : impl_(std::make_unique<Impl>(std::move(loop), std::move(options))) {}

Connection::~Connection() { close(); }

void Connection::close() {
  impl_->closed = true;
  impl_->ready = false;
  if (impl_->transport) impl_->transport->close();
}

void Connection::set_io_timeout(std::chrono::milliseconds silence) {
  if (impl_->transport) impl_->transport->wait_at_most(silence);
}

bool Connection::is_open() const { return impl_->ready && impl_->transport->is_open(); }
const std::string& Connection::server_version() const { return impl_->greeting.server_version; }
std::uint32_t Connection::connection_id() const { return impl_->greeting.connection_id; }
const ConnectOptions& Connection::options() const { return impl_->options; }

bool Connection::is_tidb() const { return server_version().find("-TiDB-") != std::string::npos; }
bool Connection::is_mariadb() const {
  return server_version().find("MariaDB") != std::string::npos;
}

Error Connection::Impl::broken(const Error& error) {
  if (transport) transport->close();
  ready = false;
  if (error.code() == Errc::kConnection) return error;
  return error.in(place()).as(Errc::kConnection);
}

Error Connection::Impl::refused(const Error& error) {
  // Server shutdown, packet too large, connection killed (MariaDB), idle for too long.
  constexpr std::array<std::uint16_t, 4> kLast = {1053, 1153, 1927, 4031};
  if (std::ranges::find(kLast, error.server_code()) != kLast.end()) {
    ready = false;
    transport->close();
  }
  return error;
}

// ---- connecting

Awaitable<void> Connection::connect() {
  Impl& impl = *impl_;
  Result<void> connected = co_await impl.connect_once(true);
  const bool plain_is_fine = impl.options.tls.mode == TlsOptions::Mode::kPreferred &&
                             impl.options.tls.allowed_names.empty();
  // As the server's own client does: "preferred" goes on without TLS where the two find no common
  // version.
  if (!connected && impl.tls_failed && plain_is_fine && !impl.closed) {
    connected = co_await impl.connect_once(false);
  }
  if (!connected) {
    if (impl.transport) impl.transport->close();
    co_return connected.error();
  }
  impl.transport->wait_at_most(impl.options.io_timeout);
  impl.ready = true;
  if (impl.options.session_sql.empty()) co_return Result<void>();
  const Result<StatementResult> set = co_await execute(impl.options.session_sql);
  if (set) co_return Result<void>();
  close();
  co_return set.error();
}

Awaitable<void> Connection::Impl::connect_once(bool allow_tls) {
  transport = std::make_unique<Transport>(loop);
  transport->end_within(options.connect_timeout);
  tls_failed = false;
  const Result<void> connected = co_await transport->connect(options.host, options.port);
  if (!connected) co_return connected.error();
  if (closed) co_return Error(Errc::kConnection, place() + ": closed by ourselves");
  ClientSession session(session_options(options, allow_tls));
  const Result<void> authenticated = co_await authenticate(session);
  greeting = session.greeting();
  if (!authenticated) co_return authenticated.error();
  response = ResponseReader(session.capabilities());
  if ((session.capabilities() & protocol::kCompress) != 0) {
    compressor.emplace();
    decompressor.emplace();
    reader.check_sequence(false);
  }
  co_return Result<void>();
}

Awaitable<void> Connection::Impl::authenticate(ClientSession& session) {
  std::vector<std::byte> buffer(kAuthReadBytes);
  for (;;) {
    const Result<ClientSession::Step> step = session.next();
    if (!step) co_return step.error().in(place());
    switch (step->kind) {
      case ClientSession::Kind::kSend: {
        const Result<void> sent = co_await transport->write(as_bytes(step->bytes), ByteView());
        if (!sent) co_return sent.error();
        break;
      }
      case ClientSession::Kind::kNeedBytes: {
        const Result<std::size_t> got = co_await transport->read_some(buffer);
        if (!got) co_return got.error().in("logging in as user '" + options.user + "'");
        session.feed(std::span(buffer).first(*got));
        break;
      }
      case ClientSession::Kind::kStartTls: {
        const Result<void> started = co_await transport->start_tls(options.tls);
        tls_failed = started.has_error() && transport->is_open();
        if (!started) co_return started.error();
        break;
      }
      case ClientSession::Kind::kDone:
        co_return Result<void>();
    }
  }
}

// ---- bytes in and out

Awaitable<void> Connection::Impl::fill() {
  if (!decompressor) {
    const Result<std::size_t> got = co_await transport->read_some(reader.space());
    if (!got) co_return broken(got.error());
    reader.filled(*got);
    co_return Result<void>();
  }
  for (;;) {
    const Result<bool> inflated = decompressor->inflate(reader);
    if (!inflated) co_return broken(inflated.error());
    if (*inflated) co_return Result<void>();
    const Result<std::size_t> got = co_await transport->read_some(decompressor->space());
    if (!got) co_return broken(got.error());
    decompressor->filled(*got);
  }
}

Awaitable<void> Connection::Impl::write(ByteView first, ByteView second) {
  if (!compressor) {
    const Result<void> sent = co_await transport->write(first, second);
    co_return sent;
  }
  while (!first.empty() || !second.empty()) {
    compressed.clear();
    compressor->append(compressed, first);
    const ByteView part = second.first(std::min(second.size(), kCompressAtOnceBytes));
    compressor->append(compressed, part);
    first = ByteView();
    second = second.subspan(part.size());
    const Result<void> sent = co_await transport->write(as_bytes(compressed), ByteView());
    if (!sent) co_return sent.error();
  }
  co_return Result<void>();
}

Awaitable<void> Connection::Impl::send_packet(std::string_view payload, std::uint8_t sequence) {
  Result<void> sent = co_await send_frames(payload, sequence);
  if (!sent) sent = co_await last_words(sent.error());
  co_return sent;
}

// A server that closes while it is written to may have said why: 1153 (packet too large), 4031
// (idle too long). That is the answer, unless answers to earlier commands are due.
Awaitable<void> Connection::Impl::last_words(Error cause) {
  if (closed || due.size() > 1) co_return broken(cause);
  transport->end_within(kLastWordsTime);
  reader.check_sequence(false);
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) co_return broken(cause);
    if (*packet && !protocol::is_error(**packet)) co_return broken(cause);
    if (*packet) {
      const Error words = protocol::decode_error(**packet);
      ready = false;
      transport->close();
      co_return words;
    }
    const Result<void> filled = co_await fill();
    if (!filled) co_return broken(cause);
  }
}

Awaitable<void> Connection::Impl::send_frames(std::string_view payload, std::uint8_t sequence) {
  if (payload.size() <= kJoinedWriteBytes) {
    out.clear();
    protocol::append_packet(out, sequence, payload);
    const Result<void> sent = co_await write(as_bytes(out), ByteView());
    co_return sent;
  }
  protocol::FrameCutter cutter(payload.size(), sequence);
  for (auto frame = cutter.next(); frame; frame = cutter.next()) {
    const std::string_view header(frame->header.data(), frame->header.size());
    const ByteView body = as_bytes(payload).subspan(frame->offset_bytes, frame->size_bytes);
    const Result<void> sent = co_await write(as_bytes(header), body);
    if (!sent) co_return sent.error();
  }
  co_return Result<void>();
}

Awaitable<void> Connection::Impl::send_command(std::string payload) {
  if (!ready) co_return not_open();
  if (compressor) compressor->start(0);
  const auto frames = payload.size() / protocol::kMaxFrameBytes + 1;
  due.push_back(static_cast<std::uint8_t>(frames));
  const Result<void> sent = co_await send_packet(payload, 0);
  co_return sent;
}

// ---- statements

Awaitable<void> Connection::send(std::string sql) {
  sql.insert(sql.begin(), static_cast<char>(protocol::kComQuery));
  const Result<void> sent = co_await impl_->send_command(std::move(sql));
  co_return sent;
}

void Connection::Impl::begin_answer() {
  CHECK(!due.empty(), "an answer is read to a command that was sent");
  CHECK(!streaming, "the rows of stream() are read to their end first");
  reader.expect_sequence(due.front());
  due.pop_front();
  response.start();
  current = StatementResult();
}

void Connection::Impl::finish_result(QueryOutcome& outcome) {
  const protocol::OkPacket& ok = response.ok();
  current.affected_rows = ok.affected_rows;
  current.last_insert_id = ok.last_insert_id;
  current.warnings = ok.warnings;
  current.status_flags = ok.status_flags;
  current.info = ok.info;
  outcome.results.push_back(std::move(current));
  current = StatementResult();
}

Result<void> Connection::Impl::add_row(ByteView packet) {
  const Result<void> decoded = protocol::decode_text_row(packet, response.column_count(), values);
  if (!decoded) return decoded;
  std::vector<TextValue>& row = current.rows.emplace_back();
  row.reserve(values.size());
  for (const auto& value : values) row.emplace_back(value);
  return {};
}

// Takes what has arrived; true: the answer is complete, or (file_wanted) waits for a file.
Result<bool> Connection::Impl::take_answer(QueryOutcome& outcome) {
  while (!response.answered()) {
    const auto packet = reader.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return false;
    const Result<Kind> kind = response.next(**packet);
    if (!kind) return kind.error();
    switch (*kind) {
      case Kind::kColumn:
        current.columns.push_back(info_of(response.column()));
        break;
      case Kind::kRow: {
        const Result<void> added = add_row(**packet);
        if (!added) return added.error();
        break;
      }
      case Kind::kOk:
        finish_result(outcome);
        break;
      case Kind::kError:
        outcome.error = refused(response.error());
        break;
      case Kind::kInfile:
        file_wanted = true;
        return true;
      case Kind::kColumnCount:
      case Kind::kColumnsEnd:
        break;
    }
  }
  return true;
}

Awaitable<QueryOutcome> Connection::receive() {
  Impl& impl = *impl_;
  if (!impl.ready) co_return impl.not_open();
  QueryOutcome outcome;
  impl.begin_answer();
  for (;;) {
    const Result<bool> complete = impl.take_answer(outcome);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) {  // nobody asked for a file to be read: the server gets an empty one
      impl.start_file();
      const Result<void> sent = co_await impl.end_file();
      if (!sent) co_return sent.error();
      continue;
    }
    if (*complete) co_return outcome;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<QueryOutcome> Connection::query(std::string sql) {
  const Result<void> sent = co_await send(std::move(sql));
  if (!sent) co_return sent.error();
  Result<QueryOutcome> outcome = co_await receive();
  co_return outcome;
}

Awaitable<StatementResult> Connection::execute(std::string sql) {
  Result<QueryOutcome> outcome = co_await query(std::move(sql));
  if (!outcome) co_return outcome.error();
  if (outcome->error) co_return *outcome->error;
  co_return std::move(outcome->results.front());
}

Awaitable<StatementResult> Connection::command(std::string payload) {
  const Result<void> sent = co_await impl_->send_command(std::move(payload));
  if (!sent) co_return sent.error();
  Result<QueryOutcome> outcome = co_await receive();
  if (!outcome) co_return outcome.error();
  if (outcome->error) co_return *outcome->error;
  co_return std::move(outcome->results.front());
}

}  // namespace tiderelay::relay
