"""FHIR R4 over HTTP: resources to commands, outcomes to resources, refusals to OperationOutcome (protocols 3)."""
