# Deploys the files that `make package` writes, as one CloudFormation stack: docs/operations/package.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "name" {
  description = "Name of the stack."
  type        = string
  default     = "authserver"
}

variable "package" {
  description = "Folder that `make package` wrote, such as .aws-sam/package."
  type        = string
}

variable "bucket" {
  description = "S3 bucket, in the region of the stack, that the package is uploaded to."
  type        = string
}

variable "prefix" {
  description = "What the keys of the uploaded files begin with."
  type        = string
  default     = "authserver/"
}

variable "parameters" {
  description = "Parameters of the stack by name: docs/settings.md."
  type        = map(string)
  default     = {}
}

locals {
  template = "${var.package}/authserver.template.json"
  # Another package or other parameters are another release, which gives every function a new version.
  release = sha256("${filesha256(local.template)}${jsonencode(var.parameters)}")
}

resource "aws_s3_object" "archive" {
  for_each    = fileset(var.package, "{*.zip,*.yaml}")
  bucket      = var.bucket
  key         = "${var.prefix}${each.value}"
  source      = "${var.package}/${each.value}"
  source_hash = filesha256("${var.package}/${each.value}")
}

resource "aws_s3_object" "template" {
  bucket      = var.bucket
  key         = "${var.prefix}${filesha256(local.template)}.template.json"
  source      = local.template
  source_hash = filesha256(local.template)
}

resource "aws_cloudformation_stack" "authserver" {
  name         = var.name
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  template_url = "https://${data.aws_s3_bucket.package.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters = merge(var.parameters, {
    ArtifactBucket = var.bucket
    ArtifactPrefix = var.prefix
    Release        = local.release
  })
  depends_on = [aws_s3_object.archive]
}

data "aws_s3_bucket" "package" {
  bucket = var.bucket
}

output "outputs" {
  description = "Outputs of the stack by name: Issuer, ResourceUrl, AuthorizerFunctionArn and the others."
  value       = aws_cloudformation_stack.authserver.outputs
}
