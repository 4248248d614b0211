// applier/ddl_event_kind.h: the kind under which event filters know a statement, as DM gives it.
//
// An ALTER TABLE of several clauses is judged clause by clause, as DM splits it before it filters.
// ADD COLUMN, CONVERT without a charset and the like have no kind of their own: "alter table".
// Source: tiflow dm/syncer/ddl.go, AstToDDLEvent, handleModifyColumn, needChangeColumnData.
#pragma once

#include "applier/ddl_ast.h"
#include "applier/event_kind.h"
#include "applier/schema_builder.h"

namespace tiderelay::applier {

// `before`: the table as it was; null (not known): MODIFY and CHANGE are "alter table".
[[nodiscard]] EventKind event_kind_of(const AlterClause& clause, const TableSchema* before,
                                      const SchemaContext& context);
// Of the statement as a whole: an ALTER TABLE's first clause that has a kind of its own.
[[nodiscard]] EventKind event_kind_of(const DdlStatement& statement, const TableSchema* before,
                                      const SchemaContext& context);

}  // namespace tiderelay::applier
