def pytorch_epsilon(epsilon, num_classes):
    return epsilon * (num_classes - 1) / num_classes
