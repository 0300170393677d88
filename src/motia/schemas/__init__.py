"""Schemas: whatever an author gives as one becomes a `Schema`, a JSON Schema that can validate.

`sources.py` turns a Pydantic model, a type, a type map or a JSON Schema into it; `schema.py` is the value;
`typed.py` reads JSON as a Python type; `problems.py` words what was wrong; `strings.py` reads texts of a
query, path or form by a schema. Only this package imports jsonschema-rs.
"""

from motia.schemas.schema import Schema
from motia.schemas.sources import object_schema, output_schema, schema_of
from motia.schemas.typed import TypeReader

__all__ = ["Schema", "TypeReader", "object_schema", "output_schema", "schema_of"]
