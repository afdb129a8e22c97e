// What scale.cu offers to host code.
#pragma once

void scale(float* values, int count, float factor);
