#pragma once
#include "google/protobuf/descriptor.pb-c.h"
#include "latchkey/options.pb-c.h"
