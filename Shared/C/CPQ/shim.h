#pragma once
#include <libpq-fe.h>

// Character macros, which Swift cannot import: the fields of an error report.
static const int CPQ_DIAG_SQLSTATE = 'C';
static const int CPQ_DIAG_MESSAGE_PRIMARY = 'M';
static const int CPQ_DIAG_SCHEMA_NAME = 's';
static const int CPQ_DIAG_TABLE_NAME = 't';
static const int CPQ_DIAG_COLUMN_NAME = 'c';
static const int CPQ_DIAG_CONSTRAINT_NAME = 'n';
